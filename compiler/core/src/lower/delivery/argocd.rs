//! Argo CD: `AppProject` and `Application` (`argoproj.io/v1alpha1`), with the fields that are used. The project grants the
//! kinds and namespaces that the bundle has, and no others; waves put every fence before its agent.

use kars_scenario::environment::{Delivery, SecretSource};
use serde::{Deserialize, Serialize};

use super::{Metadata, file, namespaces, parts};
use crate::resolve::Resolved;

const ENGINE_NAMESPACE: &str = "argocd";
const CLUSTER: &str = "https://kubernetes.default.svc";

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppProject {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: AppProjectSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppProjectSpec {
    description: String,
    source_repos: Vec<String>,
    destinations: Vec<Destination>,
    cluster_resource_whitelist: Vec<GroupKind>,
    namespace_resource_whitelist: Vec<GroupKind>,
    orphaned_resources: Orphaned,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Orphaned {
    warn: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Destination {
    server: String,
    namespace: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupKind {
    group: String,
    kind: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Application {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: ApplicationSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApplicationSpec {
    project: String,
    source: Source,
    destination: ApplicationDestination,
    sync_policy: SyncPolicy,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Source {
    #[serde(rename = "repoURL")]
    repo_url: String,
    target_revision: String,
    path: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApplicationDestination {
    server: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SyncPolicy {
    automated: Automated,
    sync_options: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Automated {
    prune: bool,
    self_heal: bool,
}

pub(super) fn objects(scenario: &Resolved<'_>, delivery: &Delivery) -> Vec<(String, Vec<u8>)> {
    let name = scenario.scenario.metadata.name.to_string();
    let repository = delivery.repository.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_git = !repository.starts_with("oci://");
    let metadata = |name: &str| Metadata { name: name.to_owned(), namespace: ENGINE_NAMESPACE.to_owned() };
    let project = AppProject {
        api_version: "argoproj.io/v1alpha1".to_owned(),
        kind: "AppProject".to_owned(),
        metadata: metadata(&name),
        spec: AppProjectSpec {
            description: scenario
                .scenario
                .metadata
                .description
                .as_ref()
                .map_or_else(|| name.clone(), ToString::to_string),
            source_repos: vec![repository.clone()],
            destinations: namespaces(scenario)
                .into_iter()
                .map(|namespace| Destination { server: CLUSTER.to_owned(), namespace })
                .collect(),
            cluster_resource_whitelist: vec![granted("", "Namespace")],
            namespace_resource_whitelist: kinds(scenario),
            orphaned_resources: Orphaned { warn: true },
        },
    };
    let mut files = vec![file("00-app-project", &project)];
    let base = delivery.path.as_ref().map(|path| path.trim_end_matches('/').to_owned());
    for (part, path) in parts(scenario) {
        let application = Application {
            api_version: "argoproj.io/v1alpha1".to_owned(),
            kind: "Application".to_owned(),
            metadata: metadata(&part),
            spec: ApplicationSpec {
                project: name.clone(),
                source: Source {
                    repo_url: repository.clone(),
                    target_revision: if is_git {
                        "HEAD".to_owned()
                    } else {
                        scenario.target.environment.metadata.name.to_string()
                    },
                    path: inside(base.as_deref(), &path),
                },
                destination: ApplicationDestination { server: CLUSTER.to_owned() },
                sync_policy: SyncPolicy {
                    automated: Automated { prune: true, self_heal: true },
                    sync_options: ["ServerSideApply=true", "FailOnSharedResource=true", "PruneLast=true"]
                        .map(str::to_owned)
                        .into(),
                },
            },
        };
        files.push(file(&format!("10-{part}"), &application));
    }
    files
}

/// A folder of the bundle below the bundle's own folder in the repository.
fn inside(base: Option<&str>, path: &str) -> String {
    let path = path.trim_start_matches("./");
    match (base, path) {
        (None, "") => ".".to_owned(),
        (None, path) => path.to_owned(),
        (Some(base), "") => base.to_owned(),
        (Some(base), path) => format!("{base}/{path}"),
    }
}

fn granted(group: &str, kind: &str) -> GroupKind {
    GroupKind { group: group.to_owned(), kind: kind.to_owned() }
}

fn kinds(scenario: &Resolved<'_>) -> Vec<GroupKind> {
    let mut kinds = vec![
        granted("", "ConfigMap"),
        granted("", "Service"),
        granted("", "ServiceAccount"),
        granted("apps", "StatefulSet"),
        granted("networking.k8s.io", "NetworkPolicy"),
    ];
    if scenario.target.secrets == SecretSource::ExternalSecrets {
        kinds.push(granted("external-secrets.io", "ExternalSecret"));
    }
    kinds
}

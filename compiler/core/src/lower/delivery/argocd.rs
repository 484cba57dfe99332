//! Argo CD: a project that grants the kinds and namespaces that the bundle has, and no others, and the applications that
//! are synchronised in it. Waves are marks of the single objects. Not here: what the project's fields are called.

mod types;

use kars_scenario::environment::{Delivery, SecretSource};

use super::{EngineVersion, Identity, Metadata, file, identity, is_oci, namespaces, parts};
use crate::resolve::Resolved;
use types::{
    AppProject, AppProjectSpec, Application, ApplicationSpec, Automated, Backoff, ClusterKind, Destination,
    DestinationAccount, GitIntegrity, GitPolicy, Gpg, GroupKind, Orphaned, PolicyRepository, Retry, SignatureKey,
    Source, SourceIntegrity, SyncPolicy,
};

const ENGINE_NAMESPACE: &str = "argocd";
const CLUSTER: &str = "https://kubernetes.default.svc";
const API_VERSION: &str = "argoproj.io/v1alpha1";
/// How many characters of a description Argo CD takes.
const DESCRIPTION: usize = 255;

pub(super) fn objects(scenario: &Resolved<'_>, delivery: &Delivery) -> Vec<(String, Vec<u8>)> {
    let identity = identity(scenario, delivery, ENGINE_NAMESPACE);
    let mut files = vec![file("00-app-project", &project(scenario, delivery, &identity))];
    files.extend(identity.service_account().map(|account| file("00-service-account", &account)));
    for (part, path) in parts(scenario) {
        files.push(file(&format!("10-{part}"), &application(scenario, delivery, &part, &path)));
    }
    files
}

/// Where an application reads from: the repository and the folder in it. Nothing where the file is none of ours.
pub(crate) fn source(file: &[u8]) -> Option<(String, String)> {
    let application: Application = serde_saphyr::from_slice(file).ok()?;
    Some((application.spec.source.repo_url, application.spec.source.path))
}

fn project(scenario: &Resolved<'_>, delivery: &Delivery, identity: &Identity) -> AppProject {
    let name = scenario.scenario.metadata.name.as_str();
    let description = scenario.scenario.metadata.description.as_ref().map_or(name, |text| text.value.as_str());
    let commits = Commits::of(delivery);
    let named = EngineVersion::of(delivery) >= Some(EngineVersion::ARGOCD_NAMES);
    let volumes = granted("", "PersistentVolumeClaim");
    AppProject {
        api_version: API_VERSION.to_owned(),
        kind: "AppProject".to_owned(),
        metadata: metadata(name),
        spec: AppProjectSpec {
            description: description.chars().take(DESCRIPTION).collect(),
            source_repos: vec![repository(delivery)],
            destinations: namespaces(scenario)
                .into_iter()
                .map(|namespace| Destination { server: CLUSTER.to_owned(), namespace })
                .collect(),
            // The namespace of an agent that was removed is still granted, or nobody could remove it.
            cluster_resource_whitelist: vec![ClusterKind {
                group: String::new(),
                kind: "Namespace".to_owned(),
                name: named.then(|| format!("kars-{name}--*")),
            }],
            namespace_resource_whitelist: kinds(scenario),
            orphaned_resources: Orphaned { warn: true, ignore: vec![volumes] },
            destination_service_accounts: identity.account.iter().map(|account| acting(identity, account)).collect(),
            signature_keys: commits.signature_keys,
            source_integrity: commits.source_integrity,
        },
    }
}

/// The account that Argo CD acts as, in every namespace of the project.
fn acting(identity: &Identity, account: &str) -> DestinationAccount {
    DestinationAccount {
        server: CLUSTER.to_owned(),
        namespace: "*".to_owned(),
        default_service_account: format!("{}:{account}", identity.namespace),
    }
}

/// Which commits are accepted, in the form of the engine's version.
struct Commits {
    signature_keys: Vec<SignatureKey>,
    source_integrity: Option<SourceIntegrity>,
}

impl Commits {
    fn of(delivery: &Delivery) -> Self {
        let keys: Vec<String> =
            delivery.verify.iter().flat_map(|verify| &verify.gpg).map(ToString::to_string).collect();
        if keys.is_empty() {
            return Self { signature_keys: Vec::new(), source_integrity: None };
        }
        if EngineVersion::of(delivery) < Some(EngineVersion::ARGOCD_INTEGRITY) {
            let signature_keys = keys.into_iter().map(|key_id| SignatureKey { key_id }).collect();
            return Self { signature_keys, source_integrity: None };
        }
        let policy = GitPolicy {
            repos: vec![PolicyRepository { url: repository(delivery) }],
            gpg: Gpg { mode: "head".to_owned(), keys },
        };
        Self {
            signature_keys: Vec::new(),
            source_integrity: Some(SourceIntegrity { git: GitIntegrity { policies: vec![policy] } }),
        }
    }
}

fn application(scenario: &Resolved<'_>, delivery: &Delivery, part: &str, path: &str) -> Application {
    let base = delivery.path.as_ref().map(|path| path.trim_end_matches('/'));
    let revision = if is_oci(delivery) {
        delivery.tag.as_ref().map(ToString::to_string)
    } else {
        Some(delivery.branch.as_ref().map_or_else(|| "HEAD".to_owned(), ToString::to_string))
    };
    Application {
        api_version: API_VERSION.to_owned(),
        kind: "Application".to_owned(),
        metadata: metadata(part),
        spec: ApplicationSpec {
            project: scenario.scenario.metadata.name.to_string(),
            source: Source { repo_url: repository(delivery), target_revision: revision, path: inside(base, path) },
            // Every object names its own namespace; the project must grant the application's, too.
            destination: Destination {
                server: CLUSTER.to_owned(),
                namespace: namespaces(scenario).into_iter().next().expect("a rule refuses a scenario without agents"),
            },
            sync_policy: SyncPolicy {
                automated: Automated { prune: true, self_heal: true },
                sync_options: ["ServerSideApply=true", "FailOnSharedResource=true"].map(str::to_owned).into(),
                retry: (EngineVersion::of(delivery) >= Some(EngineVersion::ARGOCD_REFRESH)).then(retry),
            },
        },
    }
}

/// A commit that repairs what failed is taken at the next attempt, instead of when all attempts at the old one have failed.
fn retry() -> Retry {
    let backoff = Backoff { duration: "5s".to_owned(), factor: 2, max_duration: "1m".to_owned() };
    Retry { limit: 5, backoff, refresh: true }
}

fn metadata(name: &str) -> Metadata {
    Metadata { name: name.to_owned(), namespace: ENGINE_NAMESPACE.to_owned() }
}

fn repository(delivery: &Delivery) -> String {
    delivery.repository.as_ref().map(ToString::to_string).unwrap_or_default()
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

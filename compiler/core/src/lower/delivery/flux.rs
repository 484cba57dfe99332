//! Flux: `OCIRepository` (`source.toolkit.fluxcd.io/v1`) and `Kustomization` (`kustomize.toolkit.fluxcd.io/v1`), with the
//! fields that are used. Each part of the bundle is applied in two steps, so that no agent starts before its fence stands.

use kars_scenario::environment::{Delivery, SecretSource};
use serde::{Deserialize, Serialize};

use super::{Metadata, file, identity, parts};
use crate::resolve::Resolved;

const ENGINE_NAMESPACE: &str = "flux-system";

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OciRepository {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: OciRepositorySpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OciRepositorySpec {
    interval: String,
    url: String,
    #[serde(rename = "ref")]
    reference: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Verify>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    tag: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Verify {
    provider: String,
    secret_ref: Named,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: KustomizationSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KustomizationSpec {
    interval: String,
    retry_interval: String,
    timeout: String,
    path: String,
    prune: bool,
    wait: bool,
    source_ref: SourceRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decryption: Option<Decryption>,
    patches: Vec<Patch>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decryption {
    provider: String,
    secret_ref: Named,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SourceRef {
    kind: String,
    name: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    target: Target,
    patch: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    kind: String,
}

/// What a fence is made of: everything but workloads.
const FENCE: [(&str, &str); 7] = [
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("external-secrets.io/v1", "ExternalSecret"),
];
const WORKLOADS: [(&str, &str); 1] = [("apps/v1", "StatefulSet")];

pub(super) fn objects(scenario: &Resolved<'_>, delivery: &Delivery) -> Vec<(String, Vec<u8>)> {
    let name = scenario.scenario.metadata.name.to_string();
    let identity = identity(scenario, delivery, ENGINE_NAMESPACE);
    let metadata = |name: &str| Metadata { name: name.to_owned(), namespace: identity.namespace.clone() };
    let source = OciRepository {
        api_version: "source.toolkit.fluxcd.io/v1".to_owned(),
        kind: "OCIRepository".to_owned(),
        metadata: metadata(&name),
        spec: OciRepositorySpec {
            interval: "5m".to_owned(),
            url: delivery.repository.as_ref().map(ToString::to_string).unwrap_or_default(),
            reference: Reference { tag: scenario.target.environment.metadata.name.to_string() },
            verify: delivery.verify.as_ref().map(|_| Verify {
                provider: "cosign".to_owned(),
                secret_ref: Named { name: format!("{name}-verify") },
            }),
        },
    };
    let decrypts = scenario.target.secrets == SecretSource::Sops;
    let mut files = vec![file("00-oci-repository", &source)];
    for (part, path) in parts(scenario) {
        let step = |step: &str, without: &[(&str, &str)], after: Vec<Named>| Kustomization {
            api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
            kind: "Kustomization".to_owned(),
            metadata: metadata(&format!("{part}-{step}")),
            spec: KustomizationSpec {
                interval: "10m".to_owned(),
                retry_interval: "1m".to_owned(),
                timeout: "10m".to_owned(),
                path: path.clone(),
                prune: true,
                wait: true,
                source_ref: SourceRef { kind: "OCIRepository".to_owned(), name: name.clone() },
                service_account_name: identity.account.clone(),
                depends_on: after,
                decryption: decrypts.then(|| Decryption {
                    provider: "sops".to_owned(),
                    secret_ref: Named { name: format!("{name}-sops") },
                }),
                patches: without.iter().map(|(version, kind)| removing(version, kind)).collect(),
            },
        };
        let fence = Named { name: format!("{part}-fence") };
        files.push(file(&format!("10-{part}-fence"), &step("fence", &WORKLOADS, Vec::new())));
        files.push(file(&format!("20-{part}-agents"), &step("agents", &FENCE, vec![fence])));
    }
    files
}

/// Leaves out every object of a kind.
fn removing(version: &str, kind: &str) -> Patch {
    Patch {
        target: Target { kind: kind.to_owned() },
        patch: format!("$patch: delete\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: any\n"),
    }
}

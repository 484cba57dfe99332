//! Flux: `OCIRepository` (`source.toolkit.fluxcd.io/v1`) and `Kustomization` (`kustomize.toolkit.fluxcd.io/v1`), with the
//! fields that are used. Each part of the bundle is applied in two steps, so that no agent starts before its fence stands.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_scenario::environment::{Delivery, SecretSource, Verify};
use serde::{Deserialize, Serialize};

use super::{Identity, Metadata, file, identity, parts};
use crate::resolve::Resolved;

const ENGINE_NAMESPACE: &str = "flux-system";
/// The kind of layer that a bundle is published as.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

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
    /// What is applied. Without it Flux would look for the tag `latest`, so then the source is suspended.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    layer_selector: LayerSelector,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspend: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_ref: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<Verification>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    tag: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LayerSelector {
    media_type: String,
    operation: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Verification {
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

/// What a fence is made of; the rest waits until it stands.
const FENCE: [(&str, &str); 2] = [("v1", "Namespace"), ("networking.k8s.io/v1", "NetworkPolicy")];
/// What is applied behind the fence. Routers' documents are here: an old one goes when the pod that read it has gone.
const AGENTS: [(&str, &str); 6] = [
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("apps/v1", "StatefulSet"),
];

pub(super) fn objects(scenario: &Resolved<'_>, delivery: &Delivery) -> Vec<(String, Vec<u8>)> {
    let name = scenario.scenario.metadata.name.as_str();
    let identity = identity(scenario, delivery, ENGINE_NAMESPACE);
    let keys = delivery.verify.as_ref().map(|verify| keys(scenario, verify, name, &identity));
    let mut files = vec![file("00-oci-repository", &source(delivery, name, &identity))];
    files.extend(identity.service_account().map(|account| file("00-service-account", &account)));
    files.extend(keys.map(|keys| file("00-verify-keys", &keys)));
    for (part, path) in parts(scenario) {
        let step = |step: &str, without: &[(&str, &str)], after: Option<&str>| {
            let mut object = kustomization(scenario, name, &identity, &format!("{part}-{step}"));
            object.spec.path.clone_from(&path);
            object.spec.depends_on = after.map(|after| Named { name: format!("{part}-{after}") }).into_iter().collect();
            object.spec.patches = without.iter().map(|(version, kind)| removing(version, kind)).collect();
            object
        };
        files.push(file(&format!("10-{part}-fence"), &step("fence", &AGENTS, None)));
        files.push(file(&format!("20-{part}-agents"), &step("agents", &FENCE, Some("fence"))));
    }
    files
}

fn source(delivery: &Delivery, name: &str, identity: &Identity) -> OciRepository {
    let verify = delivery.verify.as_ref();
    OciRepository {
        api_version: "source.toolkit.fluxcd.io/v1".to_owned(),
        kind: "OCIRepository".to_owned(),
        metadata: metadata(name, identity),
        spec: OciRepositorySpec {
            interval: "5m".to_owned(),
            url: delivery.repository.as_ref().map(ToString::to_string).unwrap_or_default(),
            reference: delivery.tag.as_ref().map(|tag| Reference { tag: tag.to_string() }),
            // Flux compares a layer with its digest when it has read the last byte, which only a copy is sure to do: what
            // extracts an archive may stop where the archive says that it ends.
            layer_selector: LayerSelector { media_type: LAYER.to_owned(), operation: "copy".to_owned() },
            suspend: delivery.tag.is_none().then_some(true),
            secret_ref: delivery.pull_secret.as_ref().map(|secret| Named { name: secret.to_string() }),
            verify: verify.map(|_| Verification {
                provider: "cosign".to_owned(),
                secret_ref: Named { name: format!("{name}-verify") },
            }),
        },
    }
}

/// The public keys, in the shape that Flux reads: a Secret, though they are none, with names that end in `.pub`.
fn keys(scenario: &Resolved<'_>, verify: &Verify, name: &str, identity: &Identity) -> Secret {
    let text = |path: &str| Some(scenario.sources.get(scenario.texts.get(path)?).text.clone());
    // `stringData` would be easier to read, but who applies a Secret without one of its keys would not remove that key.
    let keys: BTreeMap<_, _> = verify
        .keys()
        .filter_map(|key| text(&key.value))
        .enumerate()
        .map(|(place, key)| (format!("key-{}.pub", place + 1), ByteString(key.into_bytes())))
        .collect();
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("{name}-verify")),
            namespace: Some(identity.namespace.clone()),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(keys),
        ..Secret::default()
    }
}

/// What both steps of a part have in common.
fn kustomization(scenario: &Resolved<'_>, name: &str, identity: &Identity, step: &str) -> Kustomization {
    let decrypts = scenario.target.secrets == SecretSource::Sops;
    Kustomization {
        api_version: "kustomize.toolkit.fluxcd.io/v1".to_owned(),
        kind: "Kustomization".to_owned(),
        metadata: metadata(step, identity),
        spec: KustomizationSpec {
            interval: "10m".to_owned(),
            retry_interval: "1m".to_owned(),
            timeout: "10m".to_owned(),
            path: String::new(),
            prune: true,
            wait: true,
            source_ref: SourceRef { kind: "OCIRepository".to_owned(), name: name.to_owned() },
            service_account_name: identity.account.clone(),
            depends_on: Vec::new(),
            decryption: decrypts.then(|| Decryption {
                provider: "sops".to_owned(),
                secret_ref: Named { name: format!("{name}-sops") },
            }),
            patches: Vec::new(),
        },
    }
}

fn metadata(name: &str, identity: &Identity) -> Metadata {
    Metadata { name: name.to_owned(), namespace: identity.namespace.clone() }
}

/// Leaves out every object of a kind.
fn removing(version: &str, kind: &str) -> Patch {
    Patch {
        target: Target { kind: kind.to_owned() },
        patch: format!("$patch: delete\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: any\n"),
    }
}

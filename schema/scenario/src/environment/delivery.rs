//! How bundles reach a cluster: which engine applies them, from where, and what it checks. Not here: whose signatures the
//! routers trust, which is another question.

use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::name::{Name, Table};
use crate::span::Spanned;

/// How bundles reach the cluster.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    /// Who applies bundles to the cluster.
    pub engine: Spanned<Engine>,
    /// Where bundles are published: `oci://ghcr.io/acme/bundles`, or a Git URL for Argo CD.
    #[serde(default)]
    pub repository: Option<Spanned<String>>,
    /// The tag of an OCI repository that the engine follows. Without it the engine applies nothing until
    /// `karsc publish --pin` has written the digest of what was reviewed.
    #[serde(default)]
    pub tag: Option<Spanned<String>>,
    /// The branch of a Git repository that the engine follows; the repository's own default branch where it is left out.
    #[serde(default)]
    pub branch: Option<Spanned<String>>,
    /// The path of the bundle in a Git repository.
    #[serde(default)]
    pub path: Option<Spanned<String>>,
    /// The Secret with which Flux logs in to the registry, of type `kubernetes.io/dockerconfigjson`.
    #[serde(default)]
    pub pull_secret: Option<Spanned<Name>>,
    /// The service account that applies bundles.
    #[serde(default)]
    pub service_account: Option<Spanned<Name>>,
    /// How the engine checks signatures.
    #[serde(default)]
    pub verify: Option<Verify>,
    /// The engine's version, quoted: `"2.9"`.
    #[serde(default)]
    pub engine_version: Option<Spanned<String>>,
    /// Who may write in each scenario's namespaces, by scenario, as `namespace/serviceaccount`. It feeds the platform bundle.
    #[serde(default)]
    pub identities: Table<Spanned<String>>,
}

/// Who applies bundles.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Flux.
    Flux,
    /// Argo CD.
    Argocd,
    /// Nobody: `kubectl apply -k` does it.
    None,
}

/// How the engine checks signatures: Flux those of an OCI artifact, Argo CD those of Git commits.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verify {
    /// For Flux: the public key that bundles are signed with, a file of the scenario's folder: `keys/release.pub`.
    #[serde(default)]
    pub key: Option<Spanned<String>>,
    /// For Flux: further public keys, any of which will do while keys are rotated.
    #[serde(default)]
    pub further: Vec<Spanned<String>>,
    /// For Argo CD: the GPG keys that commits may be signed with, by their ids of 16 digits or fingerprints of 40.
    #[serde(default)]
    pub gpg: Vec<Spanned<String>>,
}

impl Verify {
    /// The public keys that Flux accepts, the lasting one first.
    pub fn keys(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.key.iter().chain(&self.further)
    }
}

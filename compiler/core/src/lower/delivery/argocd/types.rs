//! `AppProject` and `Application` (`argoproj.io/v1alpha1`), with the fields that are used. Not here: what they say.

use serde::{Deserialize, Serialize};

use crate::lower::delivery::Metadata;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppProject {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: AppProjectSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppProjectSpec {
    pub(super) description: String,
    pub(super) source_repos: Vec<String>,
    pub(super) destinations: Vec<Destination>,
    pub(super) cluster_resource_whitelist: Vec<ClusterKind>,
    pub(super) namespace_resource_whitelist: Vec<GroupKind>,
    pub(super) orphaned_resources: Orphaned,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) destination_service_accounts: Vec<DestinationAccount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) signature_keys: Vec<SignatureKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_integrity: Option<SourceIntegrity>,
}

/// Who writes, where Argo CD acts as another account.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DestinationAccount {
    pub(super) server: String,
    pub(super) namespace: String,
    pub(super) default_service_account: String,
}

/// A key that commits are signed with, up to 3.4.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignatureKey {
    #[serde(rename = "keyID")]
    pub(super) key_id: String,
}

/// Which commits are accepted, from 3.5 on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SourceIntegrity {
    pub(super) git: GitIntegrity,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GitIntegrity {
    pub(super) policies: Vec<GitPolicy>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GitPolicy {
    pub(super) repos: Vec<PolicyRepository>,
    pub(super) gpg: Gpg,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicyRepository {
    pub(super) url: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Gpg {
    pub(super) mode: String,
    pub(super) keys: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Orphaned {
    pub(super) warn: bool,
    pub(super) ignore: Vec<GroupKind>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Destination {
    pub(super) server: String,
    pub(super) namespace: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupKind {
    pub(super) group: String,
    pub(super) kind: String,
}

/// A kind of object that stands in no namespace. Names are known from 3.3 on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterKind {
    pub(super) group: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: ApplicationSpec,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApplicationSpec {
    pub(super) project: String,
    pub(super) source: Source,
    pub(super) destination: Destination,
    pub(super) sync_policy: SyncPolicy,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Source {
    #[serde(rename = "repoURL")]
    pub(super) repo_url: String,
    /// What is applied; nothing is as long as an OCI source has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_revision: Option<String>,
    pub(super) path: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SyncPolicy {
    pub(super) automated: Automated,
    pub(super) sync_options: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry: Option<Retry>,
}

/// What happens after a synchronisation that failed. `refresh` is known from 3.2 on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retry {
    pub(super) limit: u8,
    pub(super) backoff: Backoff,
    pub(super) refresh: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Backoff {
    pub(super) duration: String,
    pub(super) factor: u8,
    pub(super) max_duration: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Automated {
    pub(super) prune: bool,
    pub(super) self_heal: bool,
}

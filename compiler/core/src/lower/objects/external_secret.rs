//! `ExternalSecret` (`external-secrets.io/v1`): the operator of that name copies declared keys, and no others, from the
//! environment's store. Only the fields that are used are written here.

use kars_scenario::environment::SecretSource;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use super::{AgentPlan, Place};
use crate::lower::credentials;
use crate::resolve::Resolved;

/// Keys of one Secret and where they come from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExternalSecret {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: Spec,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    pub name: String,
    pub namespace: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Spec {
    pub refresh_interval: String,
    pub secret_store_ref: StoreRef,
    pub target: Target,
    pub data: Vec<Data>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoreRef {
    pub name: String,
    pub kind: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Target {
    pub name: String,
    pub creation_policy: String,
    pub deletion_policy: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Data {
    pub secret_key: String,
    pub remote_ref: RemoteRef,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RemoteRef {
    pub key: String,
    pub property: String,
}

/// One object per Secret that the agent's pod needs.
pub(super) fn of_agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, place: &Place) -> Vec<ExternalSecret> {
    let secrets = scenario.target.environment.secrets.as_ref();
    let store = secrets
        .filter(|_| scenario.target.secrets == SecretSource::ExternalSecrets)
        .and_then(|secrets| secrets.store.as_ref());
    let Some(store) = store else { return Vec::new() };
    let needed = credentials::secrets_of_pod(plan.agent);
    needed.into_iter().map(|(secret, keys)| external_secret(&secret, &keys, store.as_str(), place)).collect()
}

fn external_secret(secret: &str, keys: &BTreeSet<String>, store: &str, place: &Place) -> ExternalSecret {
    let data = keys.iter().map(|key| Data {
        secret_key: key.clone(),
        remote_ref: RemoteRef { key: secret.to_owned(), property: key.clone() },
    });
    ExternalSecret {
        api_version: "external-secrets.io/v1".to_owned(),
        kind: "ExternalSecret".to_owned(),
        metadata: Metadata {
            name: secret.to_owned(),
            namespace: place.namespace.clone(),
            labels: place.labels.clone(),
            annotations: BTreeMap::new(),
        },
        spec: Spec {
            refresh_interval: "1h".to_owned(),
            secret_store_ref: StoreRef { name: store.to_owned(), kind: "ClusterSecretStore".to_owned() },
            target: Target {
                name: secret.to_owned(),
                creation_policy: "Owner".to_owned(),
                deletion_policy: "Retain".to_owned(),
            },
            data: data.collect(),
        },
    }
}

//! Bootstrap objects of the chosen delivery engine. They are applied once, by whoever manages the engine, and are part of
//! neither inventory nor content digest. Not here: signing and publishing.

pub(crate) mod argocd;
mod flux;
mod marks;
mod version;

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kars_contract::name::Name;
use kars_contract::settings;
use kars_scenario::environment::{Delivery, Engine};
use serde::{Deserialize, Serialize};

use super::{mesh_namespace, namespace};
use crate::render::yaml::to_yaml;
use crate::resolve::Resolved;

pub(crate) use marks::{keep_as_written, order};
pub(crate) use version::EngineVersion;

/// Above so many agents the work is split, so that no apply takes too long.
pub(crate) const SHARD: usize = 500;

/// The files of `delivery/`.
pub(crate) fn files(scenario: &Resolved<'_>) -> Vec<(String, Vec<u8>)> {
    let Some(delivery) = &scenario.target.environment.delivery else { return Vec::new() };
    match delivery.engine.value {
        Engine::None => Vec::new(),
        Engine::Flux => flux::objects(scenario, delivery),
        Engine::Argocd => argocd::objects(scenario, delivery),
    }
}

/// Whether bundles are published to an OCI registry; else they are committed to a Git repository.
pub(crate) fn is_oci(delivery: &Delivery) -> bool {
    delivery.repository.as_ref().is_some_and(|repository| repository.starts_with("oci://"))
}

fn file(name: &str, object: &impl Serialize) -> (String, Vec<u8>) {
    (format!("delivery/{name}.yaml"), to_yaml(object).into_bytes())
}

/// What every object of an engine is called, and where it stands.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    name: String,
    namespace: String,
}

/// Who applies a scenario: a service account and its namespace.
struct Identity {
    namespace: String,
    account: Option<String>,
}

impl Identity {
    /// The account itself. What it may do, the platform bundle says.
    fn service_account(&self) -> Option<ServiceAccount> {
        let account = self.account.as_ref()?;
        let labels = [
            ("app.kubernetes.io/component", "delivery"),
            ("app.kubernetes.io/managed-by", settings::MANAGED_BY),
            ("app.kubernetes.io/part-of", "kars"),
        ];
        Some(ServiceAccount {
            metadata: ObjectMeta {
                name: Some(account.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
                ..ObjectMeta::default()
            },
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        })
    }
}

fn identity(scenario: &Resolved<'_>, delivery: &Delivery, engine_namespace: &str) -> Identity {
    let named = delivery.identities.get(&scenario.scenario.metadata.name).and_then(|identity| identity.split_once('/'));
    match named {
        Some((namespace, account)) => Identity { namespace: namespace.to_owned(), account: Some(account.to_owned()) },
        None => Identity {
            namespace: engine_namespace.to_owned(),
            account: delivery.service_account.as_ref().map(ToString::to_string),
        },
    }
}

/// The folders that are applied one after the other, each with its name: the whole bundle, or its shards. Names of scenarios
/// have no `--`, so no part is called as another scenario is.
fn parts(scenario: &Resolved<'_>) -> Vec<(String, String)> {
    let name = &scenario.scenario.metadata.name.value;
    let shards = shards(scenario);
    if shards.is_empty() {
        return vec![(name.to_string(), "./".to_owned())];
    }
    (0..shards.len()).map(|shard| (format!("{name}--{shard}"), format!("./shards/{shard}"))).collect()
}

/// The folders of each shard; none where one apply is enough. The mesh goes with the first.
pub(crate) fn shards(scenario: &Resolved<'_>) -> Vec<Vec<String>> {
    let agents: Vec<&Name> = scenario.agents.keys().copied().collect();
    if agents.len() <= SHARD {
        return Vec::new();
    }
    let mut shards: Vec<Vec<String>> =
        agents.chunks(SHARD).map(|part| part.iter().map(|name| format!("../../agents/{name}")).collect()).collect();
    if !scenario.edges.all.is_empty() {
        shards[0].insert(0, "../../mesh".to_owned());
    }
    shards
}

/// Every namespace of the scenario.
fn namespaces(scenario: &Resolved<'_>) -> Vec<String> {
    let mesh = (!scenario.edges.all.is_empty()).then(|| mesh_namespace(scenario).to_string());
    mesh.into_iter().chain(scenario.agents().map(|agent| namespace(scenario, &agent.name.value).to_string())).collect()
}

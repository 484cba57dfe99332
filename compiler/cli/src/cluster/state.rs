//! How far a cluster is from a bundle: each object present, equal and ready; each pod enforcing the bundle's document.
//! Not here: how that is printed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::compare::differing;
use super::expected::title;
use super::pods::{Running, is_of};
use super::{Cluster, Expected, Fault, Held, World};

/// The state of a scenario in a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) scenario: String,
    pub(crate) objects: Vec<Row>,
    pub(crate) pods: Vec<Running>,
    /// What the bundle does not have; old documents aside, which earlier builds leave behind and nothing mounts any more.
    pub(crate) further: Vec<String>,
}

/// The state of one object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// Its path in the bundle.
    pub(crate) path: String,
    pub(crate) object: String,
    pub(crate) present: bool,
    pub(crate) equal: bool,
    pub(crate) ready: bool,
    /// The fields that are not those of the bundle.
    pub(crate) differs: Vec<String>,
    /// Why it is not ready.
    pub(crate) waits: Option<String>,
}

impl Report {
    /// Reads the cluster.
    pub(crate) async fn read(cluster: &Cluster, world: &World) -> Result<Self, Fault> {
        let held = Held::read(cluster, world).await?;
        let workloads: Vec<_> = world.objects.iter().filter(|one| one.document_digest().is_some()).collect();
        let owners: BTreeMap<_, _> =
            workloads.iter().map(|one| ((one.namespace.as_deref(), &*one.name), *one)).collect();
        let mut pods: BTreeMap<&str, Vec<Running>> = BTreeMap::new();
        let further = held.further(world).into_iter().filter(|one| one.kind != "ConfigMap");
        let mut further: Vec<_> = further.map(|one| one.title()).collect();
        for pod in &held.pods {
            let metadata = &pod["metadata"];
            let place = (metadata["namespace"].as_str(), owner(pod));
            match owners.get(&place).filter(|workload| is_of(pod, workload)) {
                Some(workload) => pods.entry(&workload.path).or_default().push(Running::of(pod, workload)),
                None => further.push(title("Pod", place.0, metadata["name"].as_str().unwrap_or_default())),
            }
        }
        let none = Vec::new();
        let row = |one: &Expected| Row::of(one, held.get(one), pods.get(one.path.as_str()).unwrap_or(&none));
        Ok(Self {
            scenario: world.scenario.clone(),
            objects: world.objects.iter().map(row).collect(),
            pods: pods.into_values().flatten().collect(),
            further,
        })
    }

    /// Whether everything is as the bundle says, and enforced.
    pub(crate) fn is_well(&self) -> bool {
        self.objects.iter().all(Row::is_well) && self.further.is_empty()
    }

    /// Whether a pod is stuck for good.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.pods.iter().flat_map(|pod| &pod.stuck).any(|stuck| stuck.terminal)
    }
}

impl Row {
    fn of(expected: &Expected, live: Option<&Value>, pods: &[Running]) -> Self {
        let differs = live.map(|live| differing(expected, live)).unwrap_or_default();
        let waits = live.and_then(|live| waits(expected, live, pods));
        Self {
            path: expected.path.clone(),
            object: expected.title(),
            present: live.is_some(),
            equal: live.is_some() && differs.is_empty(),
            ready: live.is_some() && waits.is_none(),
            differs,
            waits,
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.present && self.equal && self.ready
    }
}

/// The name of what owns a pod.
fn owner(pod: &Value) -> &str {
    pod["metadata"]["ownerReferences"][0]["name"].as_str().unwrap_or_default()
}

/// What an object waits for, if it does.
fn waits(expected: &Expected, live: &Value, pods: &[Running]) -> Option<String> {
    if live["metadata"].get("deletionTimestamp").is_some() {
        return Some("is being deleted".to_owned());
    }
    match expected.kind.name {
        "StatefulSet" => workload_waits(live, pods),
        "ExternalSecret" => {
            let conditions = live["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ready = conditions.iter().find(|one| one["type"] == "Ready");
            let message = || ready.and_then(|one| one["message"].as_str()).unwrap_or("nobody has answered it yet");
            (!ready.is_some_and(|one| one["status"] == "True"))
                .then(|| format!("the secret is not there: {}", message()))
        }
        _ => None,
    }
}

/// A workload is ready once the controller has seen it and all of its pods, and no others, enforce the bundle's document.
fn workload_waits(live: &Value, pods: &[Running]) -> Option<String> {
    let status = &live["status"];
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    if number(&status["observedGeneration"]) < number(&live["metadata"]["generation"]) {
        return Some("its controller has not seen it yet".to_owned());
    }
    let wanted = live["spec"]["replicas"].as_u64().unwrap_or(1);
    let enforcing = pods.iter().filter(|pod| pod.enforced).count() as u64;
    if enforcing == wanted && pods.len() as u64 == wanted && number(&status["readyReplicas"]) == wanted {
        return None;
    }
    Some(format!("{enforcing} of {wanted} pods ready with the bundle's document"))
}

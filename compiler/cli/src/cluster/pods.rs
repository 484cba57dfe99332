//! The pods of a scenario's workloads: which document each of them mounts, whether it is enforced, and what keeps it from it.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kars_contract::settings::ANNOTATION_DOCUMENT_DIGEST;
use serde::Serialize;
use serde_json::Value;

use super::Expected;
use super::stuck::{Stuck, stuck};

/// The volume that holds the document.
const VOLUME: &str = "document";

/// One pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// As Kubernetes names it, or `Terminating`.
    pub(crate) phase: String,
    pub(crate) ready: bool,
    /// The digest of the document that the pod says it mounts.
    pub(crate) document: Option<String>,
    /// The ConfigMap that it mounts the document from.
    pub(crate) mounts: Option<String>,
    /// Whether it is ready with the document of the bundle.
    pub(crate) enforced: bool,
    pub(crate) stuck: Vec<Stuck>,
}

impl Running {
    /// A pod of a workload.
    pub(super) fn of(pod: &Value, workload: &Expected) -> Self {
        // A pod that cannot be read is one of which nothing is known, and so not one that enforces anything.
        let read: Pod = serde_json::from_value(pod.clone()).unwrap_or_default();
        let ending = read.metadata.deletion_timestamp.is_some();
        let phase = read.status.as_ref().and_then(|status| status.phase.clone());
        let conditions = read.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let is_ready = |one: &PodCondition| one.type_ == "Ready" && one.status == "True";
        let ready = !ending && conditions.into_iter().any(is_ready);
        let document = pod["metadata"]["annotations"][ANNOTATION_DOCUMENT_DIGEST].as_str();
        let (mounts, expected) = (mounted(&pod["spec"]), mounted(&workload.object["spec"]["template"]["spec"]));
        Self {
            namespace: read.metadata.namespace.clone().unwrap_or_default(),
            name: read.metadata.name.clone().unwrap_or_default(),
            phase: if ending { "Terminating".to_owned() } else { phase.unwrap_or_else(|| "Unknown".to_owned()) },
            ready,
            enforced: ready && document == workload.document_digest() && mounts == expected,
            document: document.map(ToOwned::to_owned),
            mounts: mounts.map(ToOwned::to_owned),
            stuck: if ending { Vec::new() } else { stuck(&read) },
        }
    }
}

/// Whether a pod is one of a workload.
pub(super) fn is_of(pod: &Value, workload: &Expected) -> bool {
    let metadata = &pod["metadata"];
    let mut owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    metadata["namespace"].as_str() == workload.namespace.as_deref()
        && owners.any(|owner| owner["kind"] == workload.kind.name && owner["name"] == workload.name.as_str())
}

/// The ConfigMap of the document's volume.
fn mounted(pod: &Value) -> Option<&str> {
    let volume = pod["volumes"].as_array()?.iter().find(|volume| volume["name"] == VOLUME)?;
    volume["configMap"]["name"].as_str()
}

//! A workload behind its policies, read from the objects of its namespace. Not here: what they should permit.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::policy::{PodFacts, Policies};
use super::ports::{Protocol, Span};
use super::selector::Labels;
use crate::lower::objects::{Object, Planned};

/// The label that the API server itself sets on every namespace.
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// One workload and its policies.
pub(crate) struct Fenced {
    /// The policy that opens flows, for messages.
    pub(super) subject: String,
    pub(super) pod: PodFacts,
    /// Every port that a container opens.
    pub(super) open: Vec<Span>,
    /// Every port that a Service offers.
    pub(super) offered: Vec<Span>,
    pub(super) policies: Policies,
}

impl Fenced {
    /// Reads the objects of one folder; nothing where there is no workload.
    pub(crate) fn of(planned: &[Planned]) -> Option<Self> {
        let objects = || planned.iter().map(|planned| &planned.object);
        let workload = objects().find_map(|object| match object {
            Object::StatefulSet(workload) => Some(workload),
            _ => None,
        })?;
        let namespace = objects().find_map(|object| match object {
            Object::Namespace(namespace) => Some(namespace),
            _ => None,
        })?;
        let policies: Vec<&NetworkPolicy> = objects()
            .filter_map(|object| match object {
                Object::NetworkPolicy(policy) => Some(policy),
                _ => None,
            })
            .collect();
        let open = open_ports(workload);
        let pod = facts(namespace, workload, &open);
        let name = policies.last().and_then(|policy| policy.metadata.name.as_deref()).unwrap_or_default();
        Some(Self {
            subject: format!("NetworkPolicy/{name}"),
            policies: Policies::of(&pod, &policies),
            offered: objects().flat_map(offered_ports).collect(),
            open: open.into_iter().map(|(_, span)| span).collect(),
            pod,
        })
    }
}

fn facts(namespace: &Namespace, workload: &StatefulSet, open: &[(Option<String>, Span)]) -> PodFacts {
    let name = namespace.metadata.name.clone().unwrap_or_default();
    let mut namespace_labels = namespace.metadata.labels.clone().unwrap_or_default();
    namespace_labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
    let named = open.iter().filter_map(|(name, span)| Some((name.clone()?, *span)));
    PodFacts { namespace: name, namespace_labels, labels: labels_of_pod(workload), ports: named.collect() }
}

/// The labels of the pods that a workload makes.
pub(super) fn labels_of_pod(workload: &StatefulSet) -> Labels {
    let template = workload.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    template.and_then(|metadata| metadata.labels.clone()).unwrap_or_default()
}

/// The ports that the containers of a workload open, with their names.
pub(super) fn open_ports(workload: &StatefulSet) -> Vec<(Option<String>, Span)> {
    let pod = workload.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let containers = pod.into_iter().flat_map(|pod| pod.init_containers.iter().flatten().chain(&pod.containers));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let number = u16::try_from(port.container_port).ok()?;
            Some((port.name.clone(), Span::one(Protocol::of(port.protocol.as_deref())?, number)))
        })
        .collect()
}

fn offered_ports(object: &Object) -> Vec<Span> {
    let Object::Service(service) = object else { return Vec::new() };
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    ports
        .filter_map(|port| Some(Span::one(Protocol::of(port.protocol.as_deref())?, u16::try_from(port.port).ok()?)))
        .collect()
}

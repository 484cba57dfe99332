//! Objects of one folder belong together: one name one object, one namespace, selectors that select, services and policies
//! whose ports exist, maps that volumes find. Not here: whom policies admit.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::fenced::{labels_of_pod, open_ports};
use super::ports::{Protocol, Span};
use super::selector::{Labels, Selector};
use crate::lower::objects::{Object, Planned, TRUST};
use crate::render::fault::{BLOCKED_FLOW, Fault, Faults, MISNAMED_OBJECT, VOLUME_WIRING};

pub(super) fn faults(planned: &[Planned]) -> Vec<Fault> {
    let objects = || planned.iter().map(|planned| &planned.object);
    let namespace = objects().find_map(|object| match object {
        Object::Namespace(object) => object.metadata.name.as_deref(),
        _ => None,
    });
    let workload = objects().find_map(|object| match object {
        Object::StatefulSet(object) => Some(&**object),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for object in objects() {
        let mut found = Faults::of(object.kind(), object.name());
        if !seen.insert((object.kind(), object.name())) {
            found.note(
                MISNAMED_OBJECT,
                "two objects have one name",
                "name them apart: the second would replace the first",
            );
        }
        if !matches!(object, Object::Namespace(_)) && object.namespace() != namespace {
            found.note(
                MISNAMED_OBJECT,
                format!("the object is not in `{}`", namespace.unwrap_or_default()),
                "leave `metadata.namespace` as it is",
            );
        }
        if let Some(workload) = workload {
            judge(object, workload, &mut found);
        }
        list.extend(found.into_list());
    }
    if let Some(workload) = workload {
        list.extend(sources(workload, planned));
    }
    list
}

fn judge(object: &Object, workload: &StatefulSet, found: &mut Faults) {
    let labels = labels_of_pod(workload);
    match object {
        Object::NetworkPolicy(policy) => {
            let pods = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
            let selects = pods.is_none_or(|selector| Selector::of(selector).matches(&labels));
            found.require(
                selects,
                BLOCKED_FLOW,
                "the policy selects no pod",
                "make its `podSelector` match the labels of the pod",
            );
        }
        Object::Service(service) => judge_service(service, workload, &labels, found),
        Object::StatefulSet(workload) => {
            let selector = workload.spec.as_ref().map(|spec| Selector::of(&spec.selector));
            let selects = selector.is_some_and(|selector| selector.matches(&labels));
            found.require(
                selects,
                BLOCKED_FLOW,
                "the workload does not select its own pods",
                "make `selector` match the labels of the template",
            );
        }
        Object::Namespace(_) | Object::ServiceAccount(_) | Object::ExternalSecret(_) | Object::ConfigMap(_) => {}
    }
}

fn judge_service(service: &Service, workload: &StatefulSet, labels: &Labels, found: &mut Faults) {
    let Some(spec) = &service.spec else { return };
    let selector = spec.selector.as_ref().filter(|selector| !selector.is_empty());
    let selects = selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)));
    found.require(
        selects,
        BLOCKED_FLOW,
        "the Service selects no pod",
        "make its `selector` match the labels of the pod",
    );
    let open = open_ports(workload);
    for port in spec.ports.iter().flatten() {
        let protocol = Protocol::of(port.protocol.as_deref());
        let number = |number: i32| {
            let span = protocol.zip(u16::try_from(number).ok()).map(|(protocol, number)| Span::one(protocol, number));
            open.iter().find(|(_, open)| Some(*open) == span)
        };
        let target = match &port.target_port {
            None => number(port.port),
            Some(IntOrString::Int(target)) => number(*target),
            Some(IntOrString::String(name)) => {
                open.iter().find(|(known, span)| known.as_ref() == Some(name) && Some(span.protocol) == protocol)
            }
        };
        // A Service without an address of its own does not translate ports: both numbers are one.
        let same = spec.cluster_ip.as_deref() != Some("None")
            || target.is_some_and(|(_, span)| i32::from(span.first) == port.port);
        if target.is_none() || !same {
            found.note(
                BLOCKED_FLOW,
                format!("the Service offers port {}, which no container opens", port.port),
                "name a port of a container",
            );
        }
    }
}

/// Every ConfigMap that a volume is made of is in the folder. Trust alone may come from the platform.
fn sources(workload: &StatefulSet, planned: &[Planned]) -> Vec<Fault> {
    let name = workload.metadata.name.as_deref().unwrap_or_default();
    let mut found = Faults::of("StatefulSet", name);
    let has = |kind: &str, name: &str| {
        planned.iter().any(|planned| planned.object.kind() == kind && planned.object.name() == name)
    };
    let Some(spec) = &workload.spec else { return Vec::new() };
    let pod = spec.template.spec.as_ref();
    let volumes = pod.into_iter().flat_map(|pod| pod.volumes.iter().flatten());
    for map in volumes.filter_map(|volume| volume.config_map.as_ref()) {
        if map.name != TRUST && !has("ConfigMap", &map.name) {
            found.note(
                VOLUME_WIRING,
                format!("there is no ConfigMap `{}`", map.name),
                "leave the names of ConfigMaps as they are",
            );
        }
    }
    let account = pod.and_then(|pod| pod.service_account_name.as_deref()).unwrap_or("default");
    if !has("ServiceAccount", account) {
        found.note(
            MISNAMED_OBJECT,
            format!("there is no ServiceAccount `{account}`"),
            "leave `serviceAccountName` as it is",
        );
    }
    if !spec.service_name.as_deref().is_some_and(|service| has("Service", service)) {
        found.note(BLOCKED_FLOW, "the workload's Service does not exist", "leave `serviceName` as it is");
    }
    found.into_list()
}

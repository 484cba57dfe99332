//! The declared flows in the form in which policies are held to them. It reads flows alone, never a policy. Not here: the
//! comparison.

use std::collections::BTreeSet;

use kars_contract::settings::{COMPONENT_MESH, COMPONENT_SANDBOX, LABEL_COMPONENT};
use kars_scenario::environment::IpFamily;

use super::addresses::Addresses;
use super::policy::PodFacts;
use super::ports::{Protocol, Span};
use crate::lower::flows::{Flow, Peer};

/// What one workload may connect to, and who may connect to it.
pub(crate) struct Expected {
    pub(super) out: Vec<ExpectedFlow>,
    pub(super) into: Vec<ExpectedFlow>,
}

pub(super) struct ExpectedFlow {
    pub(super) end: End,
    pub(super) ports: Vec<Span>,
}

/// The other end of a declared flow.
pub(super) enum End {
    Dns,
    Relay(String),
    Agents(BTreeSet<String>),
    Namespace(String),
    Addresses(Addresses),
}

impl Expected {
    pub(crate) fn of(out: &[Flow], into: &[Flow], families: &[IpFamily]) -> Self {
        let flows = |flows: &[Flow]| flows.iter().map(|flow| ExpectedFlow::of(flow, families)).collect();
        Self { out: flows(out), into: flows(into) }
    }
}

impl ExpectedFlow {
    fn of(flow: &Flow, families: &[IpFamily]) -> Self {
        let Flow { peer, ports, udp } = flow;
        let end = match peer {
            Peer::Dns => End::Dns,
            Peer::Address(address) => End::Addresses(Addresses::range(&format!("{address}/32"))),
            Peer::Relay(namespace) => End::Relay(namespace.to_string()),
            Peer::Agents(namespaces) => End::Agents(namespaces.iter().map(ToString::to_string).collect()),
            Peer::Namespace(namespace) => End::Namespace(namespace.clone()),
            Peer::Range(range) => End::Addresses(Addresses::range(range)),
            Peer::Public => End::Addresses(Addresses::public(families)),
        };
        let protocols: &[Protocol] = if *udp { &[Protocol::Udp, Protocol::Tcp] } else { &[Protocol::Tcp] };
        let ports = protocols.iter().flat_map(|protocol| ports.iter().map(|port| Span::one(*protocol, port.get())));
        Self { end, ports: ports.collect() }
    }

    /// Whether a pod is the declared other end.
    pub(super) fn means(&self, pod: &PodFacts) -> bool {
        let is = |component: &str| pod.labels.get(LABEL_COMPONENT).is_some_and(|label| label == component);
        match &self.end {
            End::Dns => {
                pod.namespace == "kube-system" && pod.labels.get("k8s-app").is_some_and(|app| app == "kube-dns")
            }
            End::Relay(namespace) => pod.namespace == *namespace && is(COMPONENT_MESH),
            End::Agents(namespaces) => namespaces.contains(&pod.namespace) && is(COMPONENT_SANDBOX),
            End::Namespace(namespace) => pod.namespace == *namespace,
            End::Addresses(_) => false,
        }
    }
}

//! Network policies as a cluster reads them: which pods one is about, in which directions, and whom it admits on which
//! ports. Not here: what should be admitted (`expected`).

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::addresses::Addresses;
use super::ports::{self, Protocol, Span};
use super::selector::{Labels, Selector};

/// A pod as policies see it.
#[derive(Clone, Debug)]
pub(super) struct PodFacts {
    pub(super) namespace: String,
    pub(super) namespace_labels: Labels,
    pub(super) labels: Labels,
    /// Its ports by name.
    pub(super) ports: BTreeMap<String, Span>,
}

/// The rules for one pod in one direction. None at all means that no policy is about it, and all is permitted.
pub(super) type Rules = Option<Vec<Rule>>;

/// The rules of all policies that select a pod.
#[derive(Clone, Debug)]
pub(super) struct Policies {
    pub(super) ingress: Rules,
    pub(super) egress: Rules,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Nobody listed means everybody.
    pub(super) peers: Option<Vec<Peer>>,
    ports: Vec<PortRule>,
}

#[derive(Clone, Debug)]
pub(super) enum Peer {
    Pods { namespaces: Option<Selector>, pods: Selector },
    Block(Addresses),
}

#[derive(Clone, Debug)]
enum PortRule {
    Numbers(Span),
    Named(Protocol, String),
}

impl Policies {
    /// The rules for a pod, from the policies of its namespace.
    pub(super) fn of(pod: &PodFacts, policies: &[&NetworkPolicy]) -> Self {
        let (mut ingress, mut egress) = (None, None);
        for spec in policies.iter().filter_map(|policy| policy.spec.as_ref()) {
            let selector = spec.pod_selector.as_ref().map(Selector::of).unwrap_or_default();
            if !selector.matches(&pod.labels) {
                continue;
            }
            let is_about = |direction: &str| match &spec.policy_types {
                Some(types) => types.iter().any(|written| written == direction),
                None => direction == "Ingress" || spec.egress.is_some(),
            };
            if is_about("Ingress") {
                let rules = spec.ingress.iter().flatten();
                let rules = rules.map(|rule| Rule::of(rule.from.as_deref(), rule.ports.as_deref()));
                ingress.get_or_insert_with(Vec::new).extend(rules);
            }
            if is_about("Egress") {
                let rules = spec.egress.iter().flatten();
                let rules = rules.map(|rule| Rule::of(rule.to.as_deref(), rule.ports.as_deref()));
                egress.get_or_insert_with(Vec::new).extend(rules);
            }
        }
        Self { ingress, egress }
    }
}

impl Rule {
    fn of(peers: Option<&[NetworkPolicyPeer]>, ports: Option<&[NetworkPolicyPort]>) -> Self {
        let peers = peers.filter(|peers| !peers.is_empty()).map(|peers| peers.iter().map(peer).collect());
        let ports = match ports.unwrap_or_default() {
            [] => ports::all().map(PortRule::Numbers).into(),
            written => written.iter().flat_map(port_rules).collect(),
        };
        Self { peers, ports }
    }

    /// Whether the rule is about a pod at the other end; `home` is the namespace of the policy.
    pub(super) fn admits_pod(&self, other: &PodFacts, home: &str) -> bool {
        let Some(peers) = &self.peers else { return true };
        peers.iter().any(|peer| match peer {
            Peer::Pods { namespaces, pods } => {
                let place = match namespaces {
                    Some(namespaces) => namespaces.matches(&other.namespace_labels),
                    None => other.namespace == home,
                };
                place && pods.matches(&other.labels)
            }
            Peer::Block(_) => false,
        })
    }

    /// The addresses that the rule admits.
    pub(super) fn addresses(&self) -> Addresses {
        let Some(peers) = &self.peers else { return Addresses::all() };
        let blocks = peers.iter().filter_map(|peer| match peer {
            Peer::Block(addresses) => Some(addresses),
            Peer::Pods { .. } => None,
        });
        Addresses::union(blocks)
    }

    /// The rule's ports by number; `listener` is the pod that is connected to, whose ports have the names.
    pub(super) fn ports<'r>(&'r self, listener: Option<&'r PodFacts>) -> impl Iterator<Item = Span> + 'r {
        self.ports.iter().filter_map(move |rule| match rule {
            PortRule::Numbers(span) => Some(*span),
            PortRule::Named(protocol, name) => {
                listener?.ports.get(name).copied().filter(|span| span.protocol == *protocol)
            }
        })
    }
}

fn peer(written: &NetworkPolicyPeer) -> Peer {
    if let Some(block) = &written.ip_block {
        return Peer::Block(Addresses::block(&block.cidr, block.except.as_deref().unwrap_or_default()));
    }
    Peer::Pods {
        namespaces: written.namespace_selector.as_ref().map(Selector::of),
        pods: written.pod_selector.as_ref().map(Selector::of).unwrap_or_default(),
    }
}

fn port_rules(written: &NetworkPolicyPort) -> Vec<PortRule> {
    let Some(protocol) = Protocol::of(written.protocol.as_deref()) else { return Vec::new() };
    let number = |port: i32| u16::try_from(port).ok();
    match &written.port {
        None => vec![PortRule::Numbers(Span { protocol, first: 1, last: u16::MAX })],
        Some(IntOrString::String(name)) => vec![PortRule::Named(protocol, name.clone())],
        Some(IntOrString::Int(first)) => {
            let last = written.end_port.unwrap_or(*first);
            let span = number(*first).zip(number(last)).map(|(first, last)| Span { protocol, first, last });
            span.filter(|span| span.first <= span.last).map(PortRule::Numbers).into_iter().collect()
        }
    }
}

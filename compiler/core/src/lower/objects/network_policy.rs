//! Network policies: everything is denied, then the declared flows are allowed. Not here: which flows there are.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::name::Namespace;
use kars_contract::settings;
use kars_scenario::environment::IpFamily;

use super::{AgentPlan, Place};
use crate::lower::flows::{self, Flow, Peer};
use crate::resolve::Resolved;

/// IPv4 ranges that are not the public internet (IANA's special-purpose registry, and multicast).
pub(crate) const SPECIAL_V4: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// IPv6 ranges inside `2000::/3` that are not the public internet.
pub(crate) const SPECIAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
/// The IPv6 addresses that are handed out for the public internet.
const PUBLIC_V6: &str = "2000::/3";
/// How many namespaces one selector lists; more go into further selectors.
const SELECTOR_NAMES: usize = 500;

/// Closes a namespace for every pod in it, foreign ones included.
pub(super) fn default_deny(place: &Place) -> NetworkPolicy {
    policy("default-deny", LabelSelector::default(), Vec::new(), Vec::new(), place)
}

/// Opens an agent's declared flows.
pub(super) fn of_agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, place: &Place) -> NetworkPolicy {
    let out = flows::out_of_agent(scenario, plan.agent, &plan.document);
    opened("router-flows", &flows::into_agent(scenario), &out, &scenario.target.families, place)
}

/// Opens flows of the workload of a place.
pub(super) fn opened(name: &str, into: &[Flow], out: &[Flow], families: &[IpFamily], place: &Place) -> NetworkPolicy {
    let ingress = into
        .iter()
        .map(|flow| NetworkPolicyIngressRule { from: Some(peers(&flow.peer, families)), ports: Some(ports(flow)) });
    let egress = out
        .iter()
        .map(|flow| NetworkPolicyEgressRule { to: Some(peers(&flow.peer, families)), ports: Some(ports(flow)) });
    policy(name, selecting(place.selector()), ingress.collect(), egress.collect(), place)
}

fn policy(
    name: &str,
    pods: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
    place: &Place,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata: place.metadata(name),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: (!ingress.is_empty()).then_some(ingress),
            egress: (!egress.is_empty()).then_some(egress),
        }),
    }
}

fn selecting(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}

/// Namespaces by the label that the API server itself sets, so that nobody can claim another's.
fn namespaces(names: &[String]) -> LabelSelector {
    const NAME: &str = "kubernetes.io/metadata.name";
    if let [name] = names {
        return selecting(BTreeMap::from([(NAME.to_owned(), name.clone())]));
    }
    let requirement =
        LabelSelectorRequirement { key: NAME.to_owned(), operator: "In".to_owned(), values: Some(names.to_vec()) };
    LabelSelector { match_expressions: Some(vec![requirement]), ..LabelSelector::default() }
}

fn pods(names: &[String], labels: Option<(&str, &str)>) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(namespaces(names)),
        pod_selector: labels.map(|(key, value)| selecting(BTreeMap::from([(key.to_owned(), value.to_owned())]))),
        ..NetworkPolicyPeer::default()
    }
}

fn addresses(cidr: &str, except: &[&str]) -> NetworkPolicyPeer {
    let except = (!except.is_empty()).then(|| except.iter().map(|range| (*range).to_owned()).collect());
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.to_owned(), except }), ..NetworkPolicyPeer::default() }
}

fn peers(peer: &Peer, families: &[IpFamily]) -> Vec<NetworkPolicyPeer> {
    match peer {
        Peer::Dns => vec![pods(&["kube-system".to_owned()], Some(("k8s-app", "kube-dns")))],
        Peer::Address(address) => vec![addresses(&format!("{address}/32"), &[])],
        Peer::Relay(namespace) => {
            vec![pods(&[namespace.to_string()], Some((settings::LABEL_COMPONENT, settings::COMPONENT_MESH)))]
        }
        Peer::Agents(namespaces) => namespaces.chunks(SELECTOR_NAMES).map(agents).collect(),
        Peer::Namespace(name) => vec![pods(std::slice::from_ref(name), None)],
        Peer::Range(range) => vec![addresses(range, &[])],
        Peer::Public => families
            .iter()
            .map(|family| match family {
                IpFamily::V4 => addresses("0.0.0.0/0", &SPECIAL_V4),
                IpFamily::V6 => addresses(PUBLIC_V6, &SPECIAL_V6),
            })
            .collect(),
    }
}

fn agents(names: &[Namespace]) -> NetworkPolicyPeer {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    pods(&names, Some((settings::LABEL_COMPONENT, settings::COMPONENT_SANDBOX)))
}

fn ports(flow: &Flow) -> Vec<NetworkPolicyPort> {
    let protocols: &[&str] = if flow.udp { &["UDP", "TCP"] } else { &["TCP"] };
    let port = |port: &kars_contract::name::Port, protocol: &&str| NetworkPolicyPort {
        port: Some(IntOrString::Int(i32::from(port.get()))),
        protocol: Some((*protocol).to_owned()),
        ..NetworkPolicyPort::default()
    };
    protocols.iter().flat_map(|protocol| flow.ports.iter().map(move |number| port(number, protocol))).collect()
}

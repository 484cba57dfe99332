//! Permitted and declared, side by side: for every pod that either could mean, and for every address. Not here: how
//! policies are read.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::settings::{COMPONENT_MESH, COMPONENT_SANDBOX, LABEL_COMPONENT, LABEL_ROLE, ROLE_SANDBOX};

use super::Relay;
use super::addresses::Addresses;
use super::expected::{End, Expected, ExpectedFlow};
use super::fenced::{Fenced, NAMESPACE_NAME};
use super::policy::{Peer, PodFacts, Rule, Rules};
use super::ports::{Span, pieces};
use super::selector::{Labels, Selector};
use crate::render::fault::{BLOCKED_FLOW, Fault, UNFENCED_FLOW};

/// Who opens the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Out,
    Into,
}

/// Stands for a namespace that no selector names.
const ELSEWHERE: &str = "elsewhere";
const UNFENCED_HELP: &str = "declare the flow in the scenario or in the environment, or remove what opens it";
const BLOCKED_HELP: &str = "leave what declared flows need as it is: both ends, labels and ports";

pub(super) fn one_way(fenced: &Fenced, rules: &Rules, declared: &[ExpectedFlow], way: Way) -> Vec<Fault> {
    let Some(rules) = rules else {
        let what = match way {
            Way::Out => "no policy holds the pod back: it may connect to everything",
            Way::Into => "no policy fences the pod: everybody may connect to it",
        };
        return vec![unfenced(fenced, what.to_owned())];
    };
    let mut faults = Vec::new();
    for pod in candidates(fenced, rules, declared) {
        let listener = if way == Way::Out { &pod } else { &fenced.pod };
        let permitted = ports_for(rules, &pod, &fenced.pod.namespace, listener);
        let meant = declared.iter().filter(|flow| flow.means(&pod));
        let meant: Vec<Span> = meant.flat_map(|flow| flow.ports.iter().copied()).collect();
        compare(fenced, way, &described(&pod), &permitted, &meant, &mut faults);
    }
    addresses(fenced, rules, declared, way, &mut faults);
    faults.sort();
    faults.dedup();
    faults
}

fn unfenced(fenced: &Fenced, message: String) -> Fault {
    Fault { code: UNFENCED_FLOW, subject: fenced.subject.clone(), message, help: UNFENCED_HELP.to_owned() }
}

fn blocked(fenced: &Fenced, message: String) -> Fault {
    Fault { code: BLOCKED_FLOW, subject: fenced.subject.clone(), message, help: BLOCKED_HELP.to_owned() }
}

fn ports_for(rules: &[Rule], pod: &PodFacts, home: &str, listener: &PodFacts) -> Vec<Span> {
    rules.iter().filter(|rule| rule.admits_pod(pod, home)).flat_map(|rule| rule.ports(Some(listener))).collect()
}

/// A pod in words: its namespace, or a label by which that is selected, and one of its own labels.
fn described(pod: &PodFacts) -> String {
    let label = |labels: &Labels| {
        let telling = labels.iter().find(|(key, _)| *key != NAMESPACE_NAME);
        telling.map(|(key, value)| format!(" with `{key}: {value}`")).unwrap_or_default()
    };
    let own = label(&pod.labels);
    if pod.namespace == ELSEWHERE {
        let namespace = label(&pod.namespace_labels);
        return format!("pods{own} of any namespace{namespace}");
    }
    format!("pods{own} of `{}`", pod.namespace)
}

/// Notes the ports that are permitted and not declared, and those the other way around.
fn compare(fenced: &Fenced, way: Way, other: &str, permitted: &[Span], declared: &[Span], faults: &mut Vec<Fault>) {
    let pieces = pieces(permitted.iter().chain(declared));
    let only = |mine: &[Span], theirs: &[Span]| -> Vec<Span> {
        let has = |spans: &[Span], piece: &Span| spans.iter().any(|span| span.contains(piece.protocol, piece.first));
        pieces.iter().filter(|piece| has(mine, piece) && !has(theirs, piece)).copied().collect()
    };
    note(fenced, way, other, &only(permitted, declared), Fault::unfenced, faults);
    note(fenced, way, other, &only(declared, permitted), Fault::blocked, faults);
}

fn note(
    fenced: &Fenced,
    way: Way,
    other: &str,
    ports: &[Span],
    fault: fn(&Fenced, &str, &str, &str) -> Fault,
    faults: &mut Vec<Fault>,
) {
    if ports.is_empty() {
        return;
    }
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    let (from, to) = if way == Way::Out { ("the pod", other) } else { (other, "the pod") };
    faults.push(fault(fenced, from, to, &ports.join(", ")));
}

impl Fault {
    fn unfenced(fenced: &Fenced, from: &str, to: &str, ports: &str) -> Self {
        unfenced(fenced, format!("{from} may connect to {to} on {ports}, which no flow declares"))
    }

    fn blocked(fenced: &Fenced, from: &str, to: &str, ports: &str) -> Self {
        blocked(fenced, format!("{from} may not connect to {to} on {ports}, as a flow declares"))
    }
}

/// Addresses, port by port: what is permitted is exactly what is declared.
fn addresses(fenced: &Fenced, rules: &[Rule], declared: &[ExpectedFlow], way: Way, faults: &mut Vec<Fault>) {
    let opened = rules.iter().map(|rule| (rule.addresses(), rule)).filter(|(set, _)| *set != Addresses::default());
    let opened: Vec<(Addresses, Vec<Span>)> =
        opened.map(|(set, rule)| (set, rule.ports((way == Way::Into).then_some(&fenced.pod)).collect())).collect();
    let meant: Vec<(&Addresses, &[Span])> = declared
        .iter()
        .filter_map(|flow| match &flow.end {
            End::Addresses(set) => Some((set, flow.ports.as_slice())),
            _ => None,
        })
        .collect();
    let spans = opened.iter().flat_map(|(_, ports)| ports).chain(meant.iter().flat_map(|(_, ports)| *ports));
    for piece in pieces(spans) {
        let has = |ports: &[Span]| ports.iter().any(|span| span.contains(piece.protocol, piece.first));
        let permitted = Addresses::union(opened.iter().filter(|(_, ports)| has(ports)).map(|(set, _)| set));
        let expected = Addresses::union(meant.iter().filter(|(_, ports)| has(ports)).map(|(set, _)| *set));
        if permitted == expected {
            continue;
        }
        let other = |address: core::net::IpAddr| format!("the address {address}");
        if let Some(address) = permitted.beyond(&expected) {
            note(fenced, way, &other(address), &[piece], Fault::unfenced, faults);
        }
        if let Some(address) = expected.beyond(&permitted) {
            note(fenced, way, &other(address), &[piece], Fault::blocked, faults);
        }
    }
}

/// Pods that could be at the other end: the declared ones, those that must not be whatever the policies say, and for
/// every rule pods that it selects.
fn candidates(fenced: &Fenced, rules: &[Rule], declared: &[ExpectedFlow]) -> Vec<PodFacts> {
    let mut pods = strangers(fenced);
    for flow in declared {
        match &flow.end {
            End::Dns => pods.push(dns()),
            End::Agents(namespaces) => pods.extend(namespaces.iter().map(|namespace| agent(namespace))),
            End::Namespace(namespace) => pods.push(pod(namespace, &[])),
            // The relay is asked as it is, by `both_ends`.
            End::Relay(_) | End::Addresses(_) => {}
        }
    }
    let peers = rules.iter().flat_map(|rule| rule.peers.iter().flatten());
    for peer in peers {
        if let Peer::Pods { namespaces, pods: selector } = peer {
            pods.extend(witnesses(fenced, namespaces.as_ref(), selector));
        }
    }
    pods
}

/// Pods that nobody declares.
fn strangers(fenced: &Fenced) -> Vec<PodFacts> {
    let mut own = pod(&fenced.pod.namespace, &[]);
    own.namespace_labels.clone_from(&fenced.pod.namespace_labels);
    let twin = PodFacts { labels: fenced.pod.labels.clone(), ..own.clone() };
    vec![
        own,
        twin,
        dns(),
        pod("kube-system", &[]),
        pod("kube-system", &[("component", "kube-apiserver")]),
        pod("default", &[]),
        agent("kars-another--agent"),
        pod("kars-another--mesh", &[(LABEL_COMPONENT, COMPONENT_MESH)]),
    ]
}

fn pod(namespace: &str, labels: &[(&str, &str)]) -> PodFacts {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    PodFacts {
        namespace: namespace.to_owned(),
        namespace_labels: Labels::from([(NAMESPACE_NAME.to_owned(), namespace.to_owned())]),
        labels: labels.iter().map(owned).collect(),
        ports: BTreeMap::new(),
    }
}

fn dns() -> PodFacts {
    pod("kube-system", &[("k8s-app", "kube-dns")])
}

fn agent(namespace: &str) -> PodFacts {
    let mut pod = pod(namespace, &[(LABEL_COMPONENT, COMPONENT_SANDBOX)]);
    pod.namespace_labels.insert(LABEL_ROLE.to_owned(), ROLE_SANDBOX.to_owned());
    pod
}

/// Pods that a peer of a rule selects, one in each namespace that it lists.
fn witnesses(fenced: &Fenced, namespaces: Option<&Selector>, selector: &Selector) -> Vec<PodFacts> {
    let mut labels = Labels::new();
    selector.satisfy(&mut labels);
    let Some(namespaces) = namespaces else {
        let own = &fenced.pod;
        let (namespace, namespace_labels) = (own.namespace.clone(), own.namespace_labels.clone());
        return vec![PodFacts { namespace, namespace_labels, labels, ports: BTreeMap::new() }];
    };
    let listed = namespaces.listed(NAMESPACE_NAME);
    let names = listed.map_or_else(|| vec![ELSEWHERE], |names| names.iter().map(String::as_str).collect());
    let witness = |name: &str| {
        let mut pod = PodFacts { labels: labels.clone(), ..pod(name, &[]) };
        namespaces.satisfy(&mut pod.namespace_labels);
        pod
    };
    names.into_iter().map(witness).collect()
}

/// An agent and the relay as they are: what the agent is declared to need of the relay, both permit, and nothing else.
pub(super) fn both_ends(agent: &Fenced, expected: &Expected, relay: &Relay) -> Vec<Fault> {
    let (Some(out), Some(into)) = (&agent.policies.egress, &relay.fenced.policies.ingress) else { return Vec::new() };
    let (agent_pod, relay_pod) = (&agent.pod, &relay.fenced.pod);
    let is_declared = |flow: &&ExpectedFlow| matches!(&flow.end, End::Relay(_));
    let declared: Vec<Span> =
        expected.out.iter().filter(is_declared).flat_map(|flow| flow.ports.iter().copied()).collect();
    let mut faults = Vec::new();
    let other = format!("the relay in `{}`", relay_pod.namespace);
    let leaving = ports_for(out, relay_pod, &agent_pod.namespace, relay_pod);
    compare(agent, Way::Out, &other, &leaving, &declared, &mut faults);
    let entering = ports_for(into, agent_pod, &relay_pod.namespace, relay_pod);
    let refused: Vec<Span> = declared
        .iter()
        .filter(|span| !entering.iter().any(|open| open.contains(span.protocol, span.first)))
        .copied()
        .collect();
    let other = format!("the relay in `{}`, which does not let it in,", relay_pod.namespace);
    note(agent, Way::Out, &other, &refused, Fault::blocked, &mut faults);
    faults
}

/// A port that others connect to is one that a container opens and a Service offers.
pub(super) fn listening(fenced: &Fenced, declared: &[ExpectedFlow]) -> Vec<Fault> {
    let ports: BTreeSet<Span> = declared.iter().flat_map(|flow| flow.ports.iter().copied()).collect();
    let missing = |known: &[Span], who: &str| -> Vec<Fault> {
        let missing = ports.iter().filter(|span| !known.contains(span));
        missing.map(|span| blocked(fenced, format!("no {who} {span}, to which a flow is declared"))).collect()
    };
    [missing(&fenced.open, "container opens"), missing(&fenced.offered, "Service offers")].concat()
}

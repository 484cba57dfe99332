//! An agent's place in the mesh: whom it may write to and hear from.

use std::collections::BTreeMap;

use kars_contract::endpoint::Endpoint;
use kars_contract::id::RuleId;
use kars_contract::name::Name;
use kars_contract::router::{FilePattern, IncomingLink, Mesh, MeshIdentity, OutgoingLink};
use kars_contract::settings::{REGISTRY_PORT, RELAY_PORT};
use kars_scenario::agent::RespondMode;
use kars_scenario::environment::MeshIdentity as Written;

use crate::resolve::{Agent, Edge, Resolved};

/// Whether an agent has a link.
pub(crate) fn is_member(scenario: &Resolved<'_>, agent: &Agent<'_>) -> bool {
    let name = &agent.name.value;
    scenario.edges.from(name).chain(scenario.edges.to(name)).next().is_some()
}

/// What binds names to keys.
pub(super) fn identity(scenario: &Resolved<'_>) -> MeshIdentity {
    match scenario.target.mesh {
        Written::Anonymous => MeshIdentity::Anonymous,
        Written::Workload => MeshIdentity::Workload,
        Written::Pinned => MeshIdentity::Pinned,
    }
}

pub(super) fn mesh(scenario: &Resolved<'_>, agent: &Agent<'_>) -> Option<Mesh> {
    if !is_member(scenario, agent) {
        return None;
    }
    let name = &agent.name.value;
    let host = format!("relay.{}.svc.cluster.local", super::mesh_namespace(scenario));
    let endpoint = |text: String| Endpoint::parse(&text).expect("made of checked names");
    Some(Mesh {
        relay: endpoint(format!("ws://{host}:{RELAY_PORT}/ws")),
        registry: endpoint(format!("http://{host}:{REGISTRY_PORT}")),
        identity: identity(scenario),
        keys: BTreeMap::new(),
        outgoing: scenario.edges.from(name).map(|edge| (edge.to.value.clone(), outgoing(scenario, edge))).collect(),
        incoming: scenario.edges.to(name).map(|edge| (edge.from.value.clone(), incoming(edge))).collect(),
    })
}

fn outgoing(scenario: &Resolved<'_>, edge: &Edge<'_>) -> OutgoingLink {
    let receiver = scenario.agents.get(&edge.to.value);
    let responds = receiver.filter(|receiver| edge.replies && receiver.respond.mode == RespondMode::Auto);
    OutgoingLink {
        id: id(edge),
        role: receiver.and_then(|receiver| receiver.written.role.as_ref()).map(|role| role.value.clone()),
        files: files(edge),
        replies: edge.replies,
        respond_timeout_seconds: responds.map(|receiver| receiver.respond.seconds),
    }
}

fn incoming(edge: &Edge<'_>) -> IncomingLink {
    IncomingLink { id: id(edge), files: files(edge), replies: edge.replies }
}

fn id(edge: &Edge<'_>) -> RuleId {
    RuleId::link(name(edge.from), name(edge.to))
}

fn name(spanned: &kars_scenario::span::Spanned<Name>) -> &Name {
    &spanned.value
}

fn files(edge: &Edge<'_>) -> std::collections::BTreeSet<FilePattern> {
    edge.files.iter().map(|file| FilePattern::parse(file).expect("a rule refuses other paths")).collect()
}

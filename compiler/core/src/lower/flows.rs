//! The declared flows of a scenario: who connects to whom, on which ports. Network policies of both ends, services and
//! container ports are made from them, and `render::reach` holds the rendered policies to them.

use std::collections::BTreeSet;

use kars_contract::endpoint::Endpoint;
use kars_contract::name::{Namespace, Port};
use kars_contract::router::{InfraDestination, RouterDocument, TokenIssuer};
use kars_contract::settings::{
    ADMIN_PORT, HTTP_PORT, HTTPS_PORT, REGISTRY_PORT, RELAY_ADMIN_PORT, RELAY_PORT, RESOLVER_PORT,
};

use super::{credentials, egress, mesh, mesh_namespace, namespace};
use crate::resolve::{Agent, Resolved};

/// The other end of a flow.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Peer {
    /// The cluster's DNS pods.
    Dns,
    /// One address, where the cluster's DNS answers on a node-local one.
    Address(String),
    /// The scenario's relay.
    Relay(Namespace),
    /// The routers of these agents.
    Agents(Vec<Namespace>),
    /// Every pod of a namespace.
    Namespace(String),
    /// A range of addresses.
    Range(String),
    /// Every address but the special ones.
    Public,
}

/// What may be connected to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Flow {
    pub(crate) peer: Peer,
    pub(crate) ports: BTreeSet<Port>,
    pub(crate) udp: bool,
}

fn flow<const N: usize>(peer: Peer, ports: [Port; N]) -> Flow {
    Flow { peer, ports: ports.into(), udp: false }
}

/// What an agent's router connects to.
pub(crate) fn out_of_agent(scenario: &Resolved<'_>, agent: &Agent<'_>, document: &RouterDocument) -> Vec<Flow> {
    let mut flows = vec![dns(scenario)];
    if mesh::is_member(scenario, agent) {
        flows.push(flow(Peer::Relay(mesh_namespace(scenario)), [REGISTRY_PORT, RELAY_PORT]));
    }
    let destinations = destinations(agent, document);
    let private = &scenario.target.environment.private_endpoints;
    let mut public = BTreeSet::new();
    for Destination { host, ports } in &destinations {
        match private.iter().find(|endpoint| endpoint.host.to_string() == *host) {
            Some(endpoint) => {
                flows.push(Flow { peer: Peer::Range(endpoint.cidr.to_string()), ports: ports.clone(), udp: false });
            }
            None => public.extend(ports),
        }
    }
    if !public.is_empty() {
        flows.push(Flow { peer: Peer::Public, ports: public, udp: false });
    }
    for InfraDestination { host, cidr, ports } in issuers(agent) {
        if let (None, Some(range)) = (host, cidr) {
            flows.push(Flow { peer: Peer::Range(range.to_string()), ports, udp: false });
        }
    }
    if let Some((service, port)) = egress::otlp(scenario) {
        let namespace = service.rsplit_once('.').map_or(service, |(_, namespace)| namespace);
        flows.push(flow(Peer::Namespace(namespace.to_owned()), [port]));
    }
    flows.sort();
    flows.dedup();
    flows
}

/// Who connects to an agent's router: whoever scrapes its metrics. The kubelet's probes need no rule.
pub(crate) fn into_agent(scenario: &Resolved<'_>) -> Vec<Flow> {
    scraper(scenario).map(|namespace| flow(Peer::Namespace(namespace), [ADMIN_PORT])).into_iter().collect()
}

/// Who connects to the relay: the routers of linked agents, and whoever scrapes its metrics.
pub(crate) fn into_relay(scenario: &Resolved<'_>) -> Vec<Flow> {
    let members = scenario.agents().filter(|agent| mesh::is_member(scenario, agent));
    let namespaces = members.map(|agent| namespace(scenario, &agent.name.value)).collect();
    let mut flows = vec![flow(Peer::Agents(namespaces), [REGISTRY_PORT, RELAY_PORT])];
    flows.extend(scraper(scenario).map(|namespace| flow(Peer::Namespace(namespace), [RELAY_ADMIN_PORT])));
    flows
}

fn scraper(scenario: &Resolved<'_>) -> Option<String> {
    scenario.target.environment.observability.as_ref()?.prometheus.as_ref().map(std::string::ToString::to_string)
}

fn dns(scenario: &Resolved<'_>) -> Flow {
    // A node-local cache listens on a link-local address, which no pod selector means.
    let peer = if scenario.target.dns.starts_with("169.254.") {
        Peer::Address(scenario.target.dns.to_owned())
    } else {
        Peer::Dns
    };
    Flow { peer, ports: BTreeSet::from([RESOLVER_PORT]), udp: true }
}

/// A host that the router connects to outside of the cluster.
struct Destination {
    host: String,
    ports: BTreeSet<Port>,
}

fn destinations(agent: &Agent<'_>, document: &RouterDocument) -> Vec<Destination> {
    let endpoint = |endpoint: &Endpoint| Destination {
        host: endpoint.host().to_owned(),
        ports: BTreeSet::from([endpoint.port()]),
    };
    let routes = document
        .inference
        .iter()
        .flat_map(|inference| inference.routes.values())
        .map(|route| endpoint(&route.endpoint));
    let servers = document.mcp.values().map(|server| endpoint(&server.url));
    let hosts =
        document.egress.iter().map(|rule| Destination { host: rule.host.to_string(), ports: rule.ports.clone() });
    let learning = document
        .learn
        .iter()
        .map(|_| Destination { host: String::new(), ports: BTreeSet::from([HTTP_PORT, HTTPS_PORT]) });
    let issuers =
        issuers(agent).filter_map(|issuer| Some(Destination { host: issuer.host?.to_string(), ports: issuer.ports }));
    routes.chain(servers).chain(hosts).chain(learning).chain(issuers).collect()
}

/// Where the router gets tokens for its credentials.
fn issuers(agent: &Agent<'_>) -> impl Iterator<Item = InfraDestination> {
    credentials::issuers(agent).into_iter().map(TokenIssuer::destination)
}

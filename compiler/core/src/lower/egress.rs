//! The hosts of an agent, and what its router itself connects to. Not here: network policies, which are made from both.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::cidr::Cidr;
use kars_contract::host_pattern::HostPattern;
use kars_contract::id::RuleId;
use kars_contract::name::{Name, Port};
use kars_contract::router::{EgressRule, InfraDestination, InternalHost};
use kars_contract::settings::{HTTPS_PORT, REGISTRY_PORT, RELAY_PORT, RESOLVER_PORT};
use kars_scenario::egress::FlowLabel;
use kars_scenario::environment::PrivateEndpoint;

use super::credentials;
use crate::resolve::{Agent, EgressSource, Resolved};

pub(super) fn rules(agent: &Agent<'_>) -> Vec<EgressRule> {
    let written = agent.egress.iter().map(|rule| EgressRule {
        id: rule.id.clone(),
        host: rule.host.clone(),
        ports: rule.ports.clone(),
        until: rule.until,
        reason: rule.reason.to_owned(),
        ticket: rule.ticket.map(str::to_owned),
        preset: match rule.source {
            EgressSource::Preset(preset) => Some(preset.value.clone()),
            EgressSource::Written(_) => None,
        },
        channel: None,
        labels: rule.labels.iter().map(|label| name(label_word(*label))).collect(),
    });
    let mut rules: Vec<_> = written.chain(channel_rules(agent)).collect();
    // A preset and a written host may name the same one; the first stands.
    let mut seen = BTreeSet::new();
    rules.retain(|rule| seen.insert(rule.id.clone()));
    rules
}

/// Hosts that an agent's channels need. The agent itself talks to them, so they are part of its allowlist.
fn channel_rules<'p>(agent: &'p Agent<'_>) -> impl Iterator<Item = EgressRule> + 'p {
    agent.channels.iter().flat_map(move |(channel, known)| {
        let needs =
            agent.runtime.as_ref().and_then(|runtime| runtime.descriptor.channels.get(known.kind.value.as_str()));
        needs
            .iter()
            .flat_map(|needs| &needs.hosts)
            .map(|host| channel_rule(agent, &channel.value, host))
            .collect::<Vec<_>>()
    })
}

fn channel_rule(agent: &Agent<'_>, channel: &Name, host: &HostPattern) -> EgressRule {
    let ports = BTreeSet::from([HTTPS_PORT]);
    EgressRule {
        id: RuleId::egress(&agent.name.value, host, &ports),
        host: host.clone(),
        ports,
        until: None,
        reason: format!("channel {channel}"),
        ticket: None,
        preset: None,
        channel: Some(channel.clone()),
        labels: [FlowLabel::UntrustedInput, FlowLabel::WayOut].map(|label| name(label_word(label))).into(),
    }
}

pub(crate) fn label_word(label: FlowLabel) -> &'static str {
    match label {
        FlowLabel::UntrustedInput => "untrusted-input",
        FlowLabel::PrivateData => "private-data",
        FlowLabel::WayOut => "way-out",
    }
}

fn name(word: &str) -> Name {
    Name::parse(word).expect("our own words are names")
}

/// What the router itself connects to; an agent can choose none of it.
pub(super) fn infra(scenario: &Resolved<'_>, agent: &Agent<'_>) -> BTreeMap<Name, InfraDestination> {
    let mut infra = BTreeMap::new();
    let dns: Cidr = host_cidr(scenario.target.dns);
    infra.insert(name("resolver"), destination(None, Some(dns), [RESOLVER_PORT]));
    if super::mesh::is_member(scenario, agent) {
        let host = format!("relay.{}.svc.cluster.local", super::mesh_namespace(scenario));
        infra.insert(name("relay"), destination(Some(&host), None, [RELAY_PORT]));
        infra.insert(name("registry"), destination(Some(&host), None, [REGISTRY_PORT]));
    }
    let private = &scenario.target.environment.private_endpoints;
    for issuer in credentials::issuers(agent) {
        let mut destination = issuer.destination();
        let is_it = |endpoint: &PrivateEndpoint| {
            destination.host.as_ref().is_some_and(|host| host.as_str() == endpoint.host.to_string())
        };
        if let Some(endpoint) = private.iter().find(|endpoint| is_it(endpoint)) {
            destination.cidr = Some(endpoint.cidr.value);
        }
        infra.insert(issuer.name(), destination);
    }
    for (place, endpoint) in private.iter().enumerate() {
        infra.insert(
            name(&format!("private-{place}")),
            destination(Some(&endpoint.host.to_string()), Some(endpoint.cidr.value), [HTTPS_PORT]),
        );
    }
    if let Some((host, port)) = otlp(scenario) {
        infra.insert(name("telemetry"), destination(Some(&format!("{host}.svc.cluster.local")), None, [port]));
    }
    infra
}

/// The telemetry collector as `service.namespace` and port. That it reads so is a rule.
pub(crate) fn otlp<'r>(scenario: &'r Resolved<'_>) -> Option<(&'r str, Port)> {
    let written = scenario.target.environment.observability.as_ref()?.otlp.as_ref()?;
    let (host, port) = written.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

fn host_cidr(address: &str) -> Cidr {
    Cidr::of_address(address.parse().expect("it was checked when it was read"))
}

fn destination<const N: usize>(host: Option<&str>, cidr: Option<Cidr>, ports: [Port; N]) -> InfraDestination {
    InfraDestination {
        host: host.map(|host| InternalHost::parse(host).expect("made of checked names")),
        cidr,
        ports: ports.into(),
    }
}

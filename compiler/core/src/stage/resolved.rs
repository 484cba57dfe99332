//! A resolved scenario in full: what every agent has once defaults are filled in and names bound. Not here: places.

use std::collections::BTreeMap;

use kars_contract::host_pattern::HostPattern;
use kars_contract::id::RuleId;
use kars_contract::instant::Instant;
use kars_contract::name::Port;
use kars_contract::tool::ToolId;
use kars_scenario::agent::{Budget, Isolation, RespondMode, Version};
use kars_scenario::binding::{Channel, McpServer, Memory};
use kars_scenario::egress::FlowLabel;
use kars_scenario::environment::{Engine, GuardMode, IpFamily, MeshIdentity, Profile, SecretSource};
use kars_scenario::model::Provider;
use kars_scenario::pod::{EnvVar, Placement, Resources};
use kars_scenario::rule::Rule;
use kars_scenario::span::Spanned;
use serde::Serialize;

use crate::resolve::{Agent, Candidate, EgressRule, EgressSource, Image, Resolved, RuntimeChoice, Target};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedView<'r> {
    scenario: &'r str,
    environment: TargetView<'r>,
    agents: BTreeMap<&'r str, AgentView<'r>>,
    links: Vec<EdgeView<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetView<'r> {
    name: &'r str,
    profile: Profile,
    cluster: &'r str,
    version: &'r str,
    dns: &'r str,
    ip_families: &'r [IpFamily],
    guard: GuardMode,
    mesh: MeshIdentity,
    secrets: SecretSource,
    engine: Engine,
    router: Option<String>,
    relay: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentView<'r> {
    role: Option<&'r str>,
    runtime: Option<RuntimeView<'r>>,
    persona: Option<&'r str>,
    parent: Option<&'r str>,
    children: Vec<&'r str>,
    models: Vec<ModelView<'r>>,
    respond: RespondView,
    tools: Vec<&'r ToolId>,
    mcp: BTreeMap<&'r str, &'r McpServer>,
    memory: BTreeMap<&'r str, &'r Memory>,
    channels: BTreeMap<&'r str, &'r Channel>,
    egress: Vec<EgressView<'r>>,
    budget: Option<&'r Spanned<Budget>>,
    rules: Vec<RuleView<'r>>,
    isolation: Isolation,
    resources: Option<&'r Spanned<Resources>>,
    placement: Option<&'r Spanned<Placement>>,
    env: &'r [Spanned<EnvVar>],
    replicas: u32,
}

#[derive(Serialize)]
struct RuntimeView<'r> {
    kind: &'r str,
    version: Option<&'r str>,
    image: Option<String>,
}

#[derive(Serialize)]
struct ModelView<'r> {
    name: &'r str,
    provider: Provider,
    deployment: &'r str,
    endpoint: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RespondView {
    mode: RespondMode,
    timeout_seconds: u32,
}

#[derive(Serialize)]
struct EgressView<'r> {
    id: &'r RuleId,
    host: &'r HostPattern,
    ports: Vec<Port>,
    until: Option<Instant>,
    reason: &'r str,
    ticket: Option<&'r str>,
    labels: Vec<FlowLabel>,
    preset: Option<&'r str>,
}

#[derive(Serialize)]
struct RuleView<'r> {
    id: &'r RuleId,
    rule: &'r Rule,
}

#[derive(Serialize)]
struct EdgeView<'r> {
    from: &'r str,
    to: &'r str,
    replies: bool,
    files: &'r [Spanned<String>],
}

pub(super) fn of<'r>(scenario: &'r Resolved<'_>) -> ResolvedView<'r> {
    let edges = scenario.edges.all.iter();
    ResolvedView {
        scenario: scenario.scenario.metadata.name.as_str(),
        environment: target(&scenario.target),
        agents: scenario.agents().map(|found| (found.name.as_str(), agent(found))).collect(),
        links: edges
            .map(|edge| EdgeView {
                from: edge.from.as_str(),
                to: edge.to.as_str(),
                replies: edge.replies,
                files: edge.files,
            })
            .collect(),
    }
}

fn target<'r>(target: &'r Target<'_>) -> TargetView<'r> {
    TargetView {
        name: target.environment.metadata.name.as_str(),
        profile: target.profile,
        cluster: target.cluster.as_str(),
        version: target.version,
        dns: target.dns,
        ip_families: &target.families,
        guard: target.guard,
        mesh: target.mesh,
        secrets: target.secrets,
        engine: target.engine,
        router: target.images.router.as_ref().map(Image::pinned),
        relay: target.images.relay.as_ref().map(Image::pinned),
    }
}

fn agent<'r>(agent: &'r Agent<'_>) -> AgentView<'r> {
    AgentView {
        role: agent.written.role.as_ref().map(|role| role.value.as_str()),
        runtime: agent.runtime.as_ref().map(runtime),
        persona: agent.written.persona.as_ref().map(|persona| persona.file.as_str()),
        parent: agent.written.parent.as_ref().map(|parent| parent.as_str()),
        children: agent.children.iter().map(|child| child.as_str()).collect(),
        models: agent.model.iter().flat_map(|model| &model.candidates).map(model).collect(),
        respond: RespondView { mode: agent.respond.mode, timeout_seconds: agent.respond.seconds },
        tools: agent.tools.keys().collect(),
        mcp: agent.mcp.iter().map(|(name, server)| (name.as_str(), *server)).collect(),
        memory: agent.memory.iter().map(|(name, memory)| (name.as_str(), *memory)).collect(),
        channels: agent.channels.iter().map(|(name, channel)| (name.as_str(), *channel)).collect(),
        egress: agent.egress.iter().map(egress).collect(),
        budget: agent.budget,
        rules: agent.rules.iter().map(|used| RuleView { id: &used.id, rule: used.rule }).collect(),
        isolation: agent.isolation,
        resources: agent.resources,
        placement: agent.placement,
        env: agent.env,
        replicas: agent.replicas,
    }
}

fn runtime<'r>(runtime: &'r RuntimeChoice<'_>) -> RuntimeView<'r> {
    RuntimeView {
        kind: runtime.kind().as_str(),
        version: runtime.version.map(Version::as_str),
        image: runtime.image.as_ref().map(Image::pinned),
    }
}

fn model<'r>(candidate: &'r Candidate<'_>) -> ModelView<'r> {
    ModelView {
        name: candidate.name.as_str(),
        provider: candidate.model.provider.value,
        deployment: candidate.deployment,
        endpoint: candidate.endpoint().map(|endpoint| endpoint.value.as_str()),
    }
}

fn egress<'r>(rule: &'r EgressRule<'_>) -> EgressView<'r> {
    EgressView {
        id: &rule.id,
        host: rule.host,
        ports: rule.ports.iter().copied().collect(),
        until: rule.until,
        reason: rule.reason,
        ticket: rule.ticket,
        labels: rule.labels.iter().copied().collect(),
        preset: match rule.source {
            EgressSource::Written(_) => None,
            EgressSource::Preset(name) => Some(name.as_str()),
        },
    }
}

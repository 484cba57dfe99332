//! The policy document of one agent's router. Every field is decided here; the router looks nothing up.

use std::collections::BTreeMap;

use kars_contract::endpoint::Endpoint;
use kars_contract::guard::{GuardParams, IpFamily};
use kars_contract::id::RuleId;
use kars_contract::name::{Name, Namespace, Port};
use kars_contract::router::{
    Budget, Channel, Child, GrantedTool, Identity, Isolation, Learn, Limits, LoopbackUrl, McpServer, Memory, NewStore,
    PromptEndpoint, Respond, RespondMode, RouterDocument, Runtime, RuntimeIdentity,
};
use kars_contract::tool::MCP_PROVIDER;
use kars_scenario::agent::{Isolation as Level, RespondMode as Mode};
use kars_scenario::environment::{IpFamily as Family, Profile};

use super::{credentials, egress, inference, mesh, rules};
use crate::resolve::{Agent, Resolved};

/// How long one call of an MCP server may take where nothing is written.
const MCP_SECONDS: u32 = 60;

pub(super) fn router(scenario: &Resolved<'_>, agent: &Agent<'_>, namespace: &Namespace) -> RouterDocument {
    let name = &agent.name.value;
    RouterDocument {
        dev: scenario.target.profile == Profile::Dev,
        identity: identity(scenario, agent, namespace),
        inference: agent.model.as_ref().map(|model| inference::inference(agent, model)),
        budget: budget(agent),
        egress: egress::rules(agent),
        tools: tools(agent),
        rules: rules::tool_rules(agent),
        mcp: agent.mcp.iter().map(|(server, known)| (server.value.clone(), mcp(name, &server.value, known))).collect(),
        memory: agent.memory.as_ref().map(|(_, memory)| Memory {
            id: RuleId::memory(name),
            store: memory.store.to_string(),
            scope: memory.scope.to_string(),
            retention_days: memory.retention.as_ref().map(|retention| retention.seconds.div_ceil(86_400)),
            shared: memory.shared,
            create: memory.create.as_ref().map(|store| NewStore { embedding: store.embedding.value.clone() }),
        }),
        channels: agent
            .channels
            .iter()
            .map(|(channel, known)| (channel.value.clone(), Channel { kind: kind(known.kind.value.as_str()) }))
            .collect(),
        mesh: mesh::mesh(scenario, agent),
        children: children(scenario, agent),
        respond: respond(agent),
        runtime: runtime(agent),
        limits: Limits::default(),
        guard: guard(scenario, agent),
        infra: egress::infra(scenario, agent),
        learn: agent.written.learn.as_ref().map(|learn| Learn { id: RuleId::learn(name), until: learn.until.value }),
    }
}

fn kind(word: &str) -> Name {
    Name::parse(word).expect("the words of our enums are names")
}

fn identity(scenario: &Resolved<'_>, agent: &Agent<'_>, namespace: &Namespace) -> Identity {
    let runtime = agent.runtime.as_ref().expect("an agent without a runtime is not lowered");
    Identity {
        scenario: scenario.scenario.metadata.name.value.clone(),
        environment: scenario.target.environment.metadata.name.value.clone(),
        cluster: scenario.target.cluster.clone(),
        agent: agent.name.value.clone(),
        namespace: namespace.clone(),
        runtime: RuntimeIdentity { kind: runtime.kind().clone(), version: runtime.version.map(ToString::to_string) },
        role: agent.written.role.as_ref().map(|role| role.value.clone()),
        parent: agent.written.parent.as_ref().map(|parent| parent.value.clone()),
        isolation: match agent.isolation {
            Level::Standard => Isolation::Standard,
            Level::Enhanced => Isolation::Enhanced,
            Level::Confidential => Isolation::Confidential,
        },
    }
}

fn budget(agent: &Agent<'_>) -> Budget {
    let Some(written) = agent.budget else { return Budget::default() };
    let kars_scenario::agent::Budget { tokens_per_day, tokens_per_month, tokens_per_request } = &written.value;
    Budget {
        tokens_per_day: tokens_per_day.as_deref().copied(),
        tokens_per_month: tokens_per_month.as_deref().copied(),
        tokens_per_request: tokens_per_request.as_deref().copied(),
    }
}

/// The granted tools but those of MCP servers, which their server grants.
fn tools(agent: &Agent<'_>) -> Vec<GrantedTool> {
    let own = agent.tools.iter().filter(|(tool, _)| tool.provider() != MCP_PROVIDER);
    own.map(|(tool, granted)| GrantedTool {
        id: granted.pattern.map_or_else(
            || RuleId::tools(&agent.name.value, &tool.clone().into()),
            |pattern| RuleId::tools(&agent.name.value, pattern),
        ),
        tool: tool.clone(),
        enforced: tool.enforcer(),
    })
    .collect()
}

fn mcp(agent: &Name, name: &Name, server: &kars_scenario::binding::McpServer) -> McpServer {
    McpServer {
        id: RuleId::mcp(agent, name),
        url: Endpoint::parse(&server.url).expect("a rule refuses other addresses"),
        tools: server.tools.iter().map(|tool| tool.value.clone()).collect(),
        credential: server.credential.as_ref().map(|credential| credentials::lower(credential)),
        timeout_seconds: server.timeout.as_ref().map_or(MCP_SECONDS, |timeout| timeout.seconds),
    }
}

fn children(scenario: &Resolved<'_>, agent: &Agent<'_>) -> BTreeMap<Name, Child> {
    let role = |child: &Name| {
        scenario.agents.get(child).and_then(|child| child.written.role.as_ref()).map(|role| role.value.clone())
    };
    agent
        .children
        .iter()
        .map(|child| (child.value.clone(), Child { id: RuleId::parent(child), role: role(child) }))
        .collect()
}

fn respond(agent: &Agent<'_>) -> Respond {
    let prompt = agent.runtime.as_ref().and_then(|runtime| runtime.descriptor.prompt.as_ref());
    Respond {
        mode: match agent.respond.mode {
            Mode::Auto => RespondMode::Auto,
            Mode::Never => RespondMode::Never,
        },
        timeout_seconds: agent.respond.seconds,
        prompt: prompt
            .map(|prompt| PromptEndpoint { url: loopback(prompt.port, &prompt.path), protocol: prompt.protocol }),
    }
}

fn runtime(agent: &Agent<'_>) -> Runtime {
    let runtime = agent.runtime.as_ref();
    let own = runtime.and_then(|runtime| runtime.written.code.as_ref()).and_then(|code| code.probe.as_ref());
    let probe = own.or_else(|| runtime?.descriptor.probe.as_ref());
    Runtime { probe: probe.map(|probe| loopback(probe.port.value, &probe.path)) }
}

fn loopback(port: u16, path: &str) -> LoopbackUrl {
    LoopbackUrl { port: Port::new(port).expect("a rule refuses port 0"), path: path.to_owned() }
}

fn guard(scenario: &Resolved<'_>, agent: &Agent<'_>) -> GuardParams {
    let ports = agent.runtime.iter().flat_map(|runtime| &runtime.descriptor.loopback_ports);
    let own = agent
        .runtime
        .iter()
        .filter_map(|runtime| runtime.written.code.as_ref()?.probe.as_ref())
        .map(|probe| &probe.port);
    GuardParams {
        loopback_ports: ports.chain(own).filter_map(|port| Port::new(port.value)).collect(),
        ip_families: scenario
            .target
            .families
            .iter()
            .map(|family| match family {
                Family::V4 => IpFamily::V4,
                Family::V6 => IpFamily::V6,
            })
            .collect(),
        ..GuardParams::default()
    }
}

//! All that a runtime's templates may see of one agent; `templates/runtimes/VIEW.md` is its contract.
//! Not here: the templates.

mod tools;

use std::collections::BTreeMap;

use kars_contract::name::{Name, Namespace};
use kars_contract::router::Dialect;
use kars_contract::settings;
use kars_scenario::agent::RespondMode;
use serde::Serialize;

use crate::resolve::{Agent, Resolved};

pub(crate) use tools::ToolView;

/// The view of one agent. An absent value is null, never missing.
#[derive(Debug, Serialize)]
pub(crate) struct View<'p> {
    agent: &'p str,
    scenario: &'p str,
    namespace: String,
    role: Option<&'p str>,
    persona: Option<&'p str>,
    version: Option<&'p str>,
    parent: Option<&'p str>,
    children: Vec<Child<'p>>,
    peers: Vec<Peer<'p>>,
    model: Option<Model<'p>>,
    urls: BTreeMap<&'static str, &'static str>,
    key: &'static str,
    mcp_servers: Vec<Server<'p>>,
    pub(crate) tools: Vec<ToolView<'p>>,
    toolsets: Vec<&'p str>,
    builtin_tools: Vec<Named<'p>>,
    denied_tools: Vec<&'p str>,
    channels: Vec<Channel<'p>>,
    memory: Option<Memory<'p>>,
    respond: Respond,
}

#[derive(Debug, Serialize)]
struct Child<'p> {
    name: &'p str,
    role: Option<&'p str>,
}

#[derive(Debug, Serialize)]
struct Peer<'p> {
    name: &'p str,
    role: Option<&'p str>,
    may_send: bool,
    may_reply: bool,
    files: Vec<&'p str>,
    timeout_seconds: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Model<'p> {
    name: &'p str,
    provider: kars_contract::router::Provider,
    deployment: &'p str,
    dialect: Option<Dialect>,
    context_length: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Server<'p> {
    name: &'p str,
    url: &'static str,
    headers: BTreeMap<&'static str, &'p str>,
    tools: Vec<&'p str>,
    timeout_seconds: u32,
}

#[derive(Debug, Serialize)]
struct Named<'p> {
    id: String,
    name: &'p str,
}

#[derive(Debug, Serialize)]
struct Channel<'p> {
    name: &'p str,
    kind: &'static str,
    token_env: Option<&'p str>,
    allow_from: Vec<u64>,
    home: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Memory<'p> {
    store: &'p str,
    scope: &'p str,
    retention_days: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Respond {
    mode: &'static str,
    timeout_seconds: u32,
}

/// The addresses of the router's listeners for the agent, all on loopback.
const URLS: [(&str, &str); 8] = [
    ("anthropic", "http://127.0.0.1:8443/anthropic"),
    ("evaluate", "http://127.0.0.1:8443/agt/evaluate"),
    ("fetch", "http://127.0.0.1:8443/egress/fetch"),
    ("inference", "http://127.0.0.1:8443/v1"),
    ("mcp", "http://127.0.0.1:8443/mcp"),
    ("platform_mcp", "http://127.0.0.1:8443/platform/mcp"),
    ("proxy", "http://127.0.0.1:8444"),
    ("router", "http://127.0.0.1:8443"),
];

/// How long one call of an MCP server may take where nothing is written.
const MCP_SECONDS: u32 = 60;

pub(super) fn of<'p>(scenario: &'p Resolved<'_>, agent: &'p Agent<'_>, namespace: &Namespace) -> View<'p> {
    let runtime = agent.runtime.as_ref();
    let peers = peers(scenario, agent);
    let names = tools::Names {
        children: agent.children.iter().map(|child| child.as_str()).collect(),
        peers: peers.iter().filter(|peer| peer.may_send || peer.may_reply).map(|peer| peer.name).collect(),
        senders: senders(scenario, agent),
    };
    let tools = tools::granted(agent, &names);
    let own = |tool: &&ToolView<'p>| runtime.is_some_and(|runtime| tool.provider == runtime.kind().as_str());
    let mut toolsets: Vec<_> = tools.iter().filter(own).map(|tool| tool.toolset).collect();
    toolsets.dedup();
    View {
        agent: agent.name.as_str(),
        scenario: scenario.scenario.metadata.name.as_str(),
        namespace: namespace.to_string(),
        role: agent.written.role.as_ref().map(|role| role.value.as_str()),
        persona: agent.persona.map(|persona| persona.text),
        version: runtime.and_then(|runtime| runtime.version).map(kars_scenario::agent::Version::as_str),
        parent: agent.written.parent.as_ref().map(|parent| parent.value.as_str()),
        children: agent
            .children
            .iter()
            .map(|child| Child { name: child.as_str(), role: role_of(scenario, &child.value) })
            .collect(),
        peers,
        model: model(agent),
        urls: BTreeMap::from(URLS),
        key: settings::RUNTIME_KEY,
        mcp_servers: agent.mcp.iter().map(|(name, server)| self::server(name.as_str(), server)).collect(),
        builtin_tools: tools
            .iter()
            .filter(own)
            .map(|tool| Named { id: tool.id.to_string(), name: tool.name })
            .collect(),
        denied_tools: denied(scenario, agent, &toolsets),
        toolsets,
        tools,
        channels: channels(agent),
        memory: agent.memory.as_ref().map(|(_, memory)| Memory {
            store: memory.store.as_str(),
            scope: memory.scope.as_str(),
            retention_days: memory.retention.as_ref().map(|retention| retention.seconds.div_ceil(86_400)),
        }),
        respond: Respond {
            mode: if agent.respond.mode == RespondMode::Auto { "auto" } else { "never" },
            timeout_seconds: agent.respond.seconds,
        },
    }
}

fn role_of<'p>(scenario: &'p Resolved<'_>, agent: &Name) -> Option<&'p str> {
    scenario.scenario.agents.get(agent)?.role.as_ref().map(|role| role.value.as_str())
}

/// Agents that may write to this one, first or in reply.
fn senders<'p>(scenario: &'p Resolved<'_>, agent: &Agent<'_>) -> Vec<&'p str> {
    let first = scenario.edges.to(&agent.name.value).map(|edge| edge.from.as_str());
    let replying = scenario.edges.from(&agent.name.value).filter(|edge| edge.replies).map(|edge| edge.to.as_str());
    let names: std::collections::BTreeSet<_> = first.chain(replying).collect();
    names.into_iter().collect()
}

fn peers<'p>(scenario: &'p Resolved<'_>, agent: &'p Agent<'_>) -> Vec<Peer<'p>> {
    let name = &agent.name.value;
    let mut peers: BTreeMap<&'p str, Peer<'p>> = BTreeMap::new();
    for edge in scenario.edges.from(name) {
        let known = scenario.agents.get(&edge.to.value);
        let entry = peers.entry(edge.to.as_str()).or_insert_with(|| stranger(scenario, &edge.to.value));
        entry.may_send = true;
        entry.files.extend(edge.files.iter().map(|file| file.value.as_str()));
        entry.timeout_seconds = known
            .filter(|known| edge.replies && known.respond.mode == RespondMode::Auto)
            .map(|known| known.respond.seconds);
    }
    for edge in scenario.edges.to(name) {
        let entry = peers.entry(edge.from.as_str()).or_insert_with(|| stranger(scenario, &edge.from.value));
        entry.may_reply |= edge.replies;
    }
    peers.into_values().collect()
}

fn stranger<'p>(scenario: &'p Resolved<'_>, name: &'p Name) -> Peer<'p> {
    Peer {
        name: name.as_str(),
        role: role_of(scenario, name),
        may_send: false,
        may_reply: false,
        files: Vec::new(),
        timeout_seconds: None,
    }
}

fn model<'p>(agent: &'p Agent<'_>) -> Option<Model<'p>> {
    let used = agent.model.as_ref()?;
    let first = used.candidates.first()?;
    Some(Model {
        name: used.named.as_str(),
        provider: first.model.provider.value,
        deployment: first.deployment,
        dialect: agent.runtime.as_ref().and_then(|runtime| used.dialect(runtime.descriptor)),
        context_length: first.known.map(|known| known.context_length),
    })
}

fn server<'p>(name: &'p str, server: &'p kars_scenario::binding::McpServer) -> Server<'p> {
    Server {
        name,
        url: "http://127.0.0.1:8443/mcp",
        headers: BTreeMap::from([("x-kars-mcp-server", name)]),
        tools: server.tools.iter().map(|tool| tool.value.as_str()).collect(),
        timeout_seconds: server.timeout.as_ref().map_or(MCP_SECONDS, |timeout| timeout.seconds),
    }
}

/// Tools of the runtime in a granted toolset that the agent does not have.
fn denied<'p>(scenario: &'p Resolved<'_>, agent: &'p Agent<'_>, toolsets: &[&str]) -> Vec<&'p str> {
    let Some(runtime) = &agent.runtime else { return Vec::new() };
    let tools = scenario.catalog.tools_of(runtime.kind().as_str()).filter(|tool| tool.in_version(runtime.version));
    let mut denied: Vec<_> = tools
        .filter(|tool| toolsets.contains(&tool.toolset.as_str()) && !agent.tools.contains_key(&tool.id.value))
        .map(kars_scenario::catalog::Tool::call_name)
        .collect();
    denied.sort_unstable();
    denied
}

fn channels<'p>(agent: &'p Agent<'_>) -> Vec<Channel<'p>> {
    let needs = |kind: &str| agent.runtime.as_ref().and_then(|runtime| runtime.descriptor.channels.get(kind));
    agent
        .channels
        .iter()
        .map(|(name, channel)| Channel {
            name: name.as_str(),
            kind: channel.kind.value.as_str(),
            token_env: needs(channel.kind.value.as_str()).map(|needs| needs.token_env.as_str()),
            allow_from: channel.allow_from.iter().map(|user| user.value).collect(),
            home: channel.home.as_ref().map(|home| home.value),
        })
        .collect()
}

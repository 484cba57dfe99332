//! Agents and what they have from `defaults`.

use std::collections::BTreeMap;

use kars_contract::tool::ToolPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::artifact::Artifact;
use crate::decode::Decode;
use crate::egress::EgressEntry;
use crate::name::Name;
use crate::pod::{EnvVar, Placement, Resources};
use crate::quantity::{Duration, Moment};
use crate::span::Spanned;

/// One sandboxed agent.
#[derive(Clone, Debug, Decode, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Agent {
    /// What the agent does, in a few words: `research analyst`. Peers and the model are told; it is never a label and gives
    /// no privilege.
    #[serde(default)]
    pub role: Option<Spanned<String>>,
    /// Who the agent is: `{ file: personas/lead.md }`, a text that becomes the persona of its runtime.
    #[serde(default)]
    pub persona: Option<TextFile>,
    /// What runs in the agent's container: `{ kind: hermes, version: 0.15.2 }`. It is written here or in `defaults`.
    #[serde(default)]
    pub runtime: Option<Spanned<Runtime>>,
    /// The model it uses, a name of `models`. A runtime that asks no model, such as `echo`, takes none.
    #[serde(default)]
    pub model: Option<Spanned<Name>>,
    /// The agent whose spawn tools may name this one. A child runs from the start; nothing is made at run time.
    #[serde(default)]
    pub parent: Option<Spanned<Name>>,
    /// Whether it answers messages of peers unattended: `{ mode: auto, timeout: 20m }`. Where it is left out, messages wait in
    /// the inbox.
    #[serde(default)]
    pub respond: Option<Spanned<Respond>>,
    /// The tools it has, as `provider.set.tool` or `provider.set.*`: `hermes.file.write_file`, `kars.mesh.*`. The list is
    /// positive: a tool that is not named does not exist for the agent.
    #[serde(default)]
    pub tools: Option<Vec<Spanned<ToolPattern>>>,
    /// The MCP servers it uses, names of `mcpServers`. Each grants exactly the server's `tools`.
    #[serde(default)]
    pub mcp: Option<Vec<Spanned<Name>>>,
    /// The memory it uses, a name of `memories`. A memory tool must be among its `tools`.
    #[serde(default)]
    pub memory: Option<Spanned<Name>>,
    /// The hosts it may reach through its router: `[{ host: api.github.com, reason: release notes }]`. Hosts of its model, MCP
    /// servers and channels are derived and not written here.
    #[serde(default)]
    pub egress: Option<Vec<Spanned<EgressEntry>>>,
    /// The chat channels it serves, names of `channels`.
    #[serde(default)]
    pub channels: Vec<Spanned<Name>>,
    /// The files it makes, by path under `/sandbox`. Only these may travel over links.
    #[serde(default)]
    pub produces: Vec<Spanned<Artifact>>,
    /// What it may spend, in tokens: `{ tokensPerDay: 1000000 }`. Its router counts. `prod` wants a daily budget for every
    /// agent with a model.
    #[serde(default)]
    pub budget: Option<Spanned<Budget>>,
    /// The rule sets that hold for it, names of `rules`, read in this order.
    #[serde(default)]
    pub rules: Option<Vec<Spanned<Name>>>,
    /// How strongly the sandbox is closed.
    #[serde(default)]
    #[schemars(extend("default" = "standard"))]
    pub isolation: Option<Spanned<Isolation>>,
    /// CPU and memory of the agent's container, as Kubernetes writes them: `{ requests: { cpu: 500m, memory: 512Mi } }`. Where
    /// it is left out, those of the runtime hold.
    #[serde(default)]
    pub resources: Option<Spanned<Resources>>,
    /// On which nodes it runs, as Kubernetes writes it: `{ nodeSelector: { pool: agents } }`.
    #[serde(default)]
    pub placement: Option<Spanned<Placement>>,
    /// Further environment variables of the agent's container: `[{ name: LOG_LEVEL, value: debug }]`. Reserved names and names
    /// that look like secrets are refused.
    #[serde(default)]
    pub env: Option<Vec<Spanned<EnvVar>>>,
    /// How many pods run: 1, or 0 to suspend the agent.
    #[serde(default)]
    #[schemars(range(max = 1), extend("default" = 1))]
    pub replicas: Option<Spanned<u32>>,
    /// Lets every public host through and records it, until a date: `{ until: 2099-01-31T00:00:00Z }`. Only for `dev`
    /// environments.
    #[serde(default)]
    pub learn: Option<Spanned<Learn>>,
}

/// What an agent has that does not say otherwise. A key that the agent writes replaces the whole value here.
#[derive(Clone, Debug, Decode, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// What runs in the agents' containers. It is taken whole or not at all: `{ kind: echo }` inherits no version.
    #[serde(default)]
    pub runtime: Option<Spanned<Runtime>>,
    /// The model that agents use, a name of `models`.
    #[serde(default)]
    pub model: Option<Spanned<Name>>,
    /// Whether agents answer messages of peers unattended.
    #[serde(default)]
    pub respond: Option<Spanned<Respond>>,
    /// The tools that agents have, as `provider.set.tool` or `provider.set.*`.
    #[serde(default)]
    pub tools: Option<Vec<Spanned<ToolPattern>>>,
    /// The MCP servers that agents use, names of `mcpServers`.
    #[serde(default)]
    pub mcp: Option<Vec<Spanned<Name>>>,
    /// The hosts that agents may reach through their routers.
    #[serde(default)]
    pub egress: Option<Vec<Spanned<EgressEntry>>>,
    /// What each agent may spend, in tokens.
    #[serde(default)]
    pub budget: Option<Spanned<Budget>>,
    /// The rule sets that hold for agents, names of `rules`, read in this order.
    #[serde(default)]
    pub rules: Option<Vec<Spanned<Name>>>,
    /// How strongly the sandboxes are closed.
    #[serde(default)]
    #[schemars(extend("default" = "standard"))]
    pub isolation: Option<Spanned<Isolation>>,
    /// CPU and memory of the agents' containers, as Kubernetes writes them.
    #[serde(default)]
    pub resources: Option<Spanned<Resources>>,
    /// On which nodes agents run, as Kubernetes writes it.
    #[serde(default)]
    pub placement: Option<Spanned<Placement>>,
    /// Further environment variables of the agents' containers.
    #[serde(default)]
    pub env: Option<Vec<Spanned<EnvVar>>>,
}

/// What runs in the agent's container.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Runtime {
    /// A runtime of the catalogs: `hermes`, `openclaw`, `openai-agents`, `echo`, `byo` …
    pub kind: Spanned<Name>,
    /// A version that the catalog knows: `0.15.2`. Where it is left out, the runtime's default.
    #[serde(default)]
    pub version: Option<Spanned<Version>>,
    /// The agent's own code, for `byo` and the framework kinds: `{ image: ghcr.io/acme/agent@sha256:… }`.
    #[serde(default)]
    pub code: Option<Code>,
}

/// The agent's own code, as a container image.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Code {
    /// The image, by digest for `prod`.
    pub image: Spanned<String>,
    /// What the container runs; the image's own command where it is left out.
    #[serde(default)]
    pub command: Vec<Spanned<String>>,
    /// Where the agent answers that it is well, asked by the router on loopback.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// An HTTP question on loopback.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// The TCP port on loopback.
    pub port: Spanned<u16>,
    /// The path, such as `/healthz`, answered with 200 when all is well.
    pub path: Spanned<String>,
}

crate::text::text_type! {
    /// A version, compared as text.
    Version, "a version", 64, "^[0-9A-Za-z][0-9A-Za-z.+-]*$",
    |text| text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte)),
    "use letters, digits, dots, dashes and plus signs"
}

/// A text file of the scenario's folder.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextFile {
    /// The path from the scenario's folder, with `/`: `personas/lead.md`.
    pub file: Spanned<String>,
}

/// Whether messages of peers are answered unattended.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Respond {
    /// `auto` answers every message with a turn of the agent; `never` leaves it in the inbox.
    pub mode: Spanned<RespondMode>,
    /// How long one answer may take, `20m`; shorter than `prompt.timeout`. A peer that awaits an answer waits as long.
    #[serde(default)]
    pub timeout: Option<Spanned<Duration>>,
}

/// How messages are answered.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RespondMode {
    /// Every message is answered with a turn of the agent.
    Auto,
    /// Messages wait in the inbox.
    Never,
}

/// Tokens an agent, or a whole scenario, may spend. The router counts them.
#[derive(Clone, Debug, Decode, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Tokens in one day, UTC.
    #[serde(default)]
    pub tokens_per_day: Option<Spanned<u64>>,
    /// Tokens in one calendar month, UTC.
    #[serde(default)]
    pub tokens_per_month: Option<Spanned<u64>>,
    /// Tokens in one request, prompt and answer together.
    #[serde(default)]
    pub tokens_per_request: Option<Spanned<u64>>,
}

/// How strongly a sandbox is closed.
#[derive(Clone, Copy, Debug, Decode, Default, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Isolation {
    /// The container runtime's own system call filter.
    #[default]
    Standard,
    /// A stricter system call filter, installed on the nodes.
    Enhanced,
    /// A virtual machine of its own.
    Confidential,
}

/// A window in which every public host is let through and recorded.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Learn {
    /// Until when, in UTC: `2099-01-31T00:00:00Z`.
    pub until: Spanned<Moment>,
}

/// Labels or selectors, as Kubernetes writes them.
pub type Labels = BTreeMap<String, Spanned<String>>;

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
    /// What the agent does, told to peers and to the model. Never a label, never a privilege.
    #[serde(default)]
    pub role: Option<Spanned<String>>,
    /// Who the agent is: a text file of the scenario's folder.
    #[serde(default)]
    pub persona: Option<TextFile>,
    /// What runs in the agent's container.
    #[serde(default)]
    pub runtime: Option<Spanned<Runtime>>,
    /// The model it uses, a name of `models`.
    #[serde(default)]
    pub model: Option<Spanned<Name>>,
    /// The agent whose spawn tool may name this one.
    #[serde(default)]
    pub parent: Option<Spanned<Name>>,
    /// Whether it answers messages unattended.
    #[serde(default)]
    pub respond: Option<Spanned<Respond>>,
    /// The tools it has, as ids `provider.set.tool` or `provider.set.*`. What is not named does not exist for it.
    #[serde(default)]
    pub tools: Option<Vec<Spanned<ToolPattern>>>,
    /// The MCP servers it uses, names of `mcpServers`. Each grants exactly the server's `tools`.
    #[serde(default)]
    pub mcp: Option<Vec<Spanned<Name>>>,
    /// The memory it uses, a name of `memories`.
    #[serde(default)]
    pub memory: Option<Spanned<Name>>,
    /// The hosts it may reach through its router. Model, MCP and channel hosts are derived and not written here.
    #[serde(default)]
    pub egress: Option<Vec<Spanned<EgressEntry>>>,
    /// The chat channels it serves, names of `channels`.
    #[serde(default)]
    pub channels: Vec<Spanned<Name>>,
    /// The files it makes.
    #[serde(default)]
    pub produces: Vec<Spanned<Artifact>>,
    /// What it may spend.
    #[serde(default)]
    pub budget: Option<Spanned<Budget>>,
    /// The rule sets that hold for it, names of `rules`, read in this order.
    #[serde(default)]
    pub rules: Option<Vec<Spanned<Name>>>,
    /// How strongly the sandbox is closed.
    #[serde(default)]
    pub isolation: Option<Spanned<Isolation>>,
    /// CPU and memory of the agent's container, as Kubernetes writes them.
    #[serde(default)]
    pub resources: Option<Spanned<Resources>>,
    /// On which nodes it runs, as Kubernetes writes it.
    #[serde(default)]
    pub placement: Option<Spanned<Placement>>,
    /// Further environment variables of the agent's container. Reserved and secret-like names are refused.
    #[serde(default)]
    pub env: Option<Vec<Spanned<EnvVar>>>,
    /// 1, or 0 to suspend the agent.
    #[serde(default)]
    pub replicas: Option<Spanned<u32>>,
    /// Lets every public host through and records it. Only for `dev` environments, and only until a date.
    #[serde(default)]
    pub learn: Option<Spanned<Learn>>,
}

/// What an agent has that does not say otherwise. A key that the agent writes replaces the whole value here.
#[derive(Clone, Debug, Decode, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// What runs in the agent's container.
    #[serde(default)]
    pub runtime: Option<Spanned<Runtime>>,
    /// The model, a name of `models`.
    #[serde(default)]
    pub model: Option<Spanned<Name>>,
    /// Whether agents answer messages unattended.
    #[serde(default)]
    pub respond: Option<Spanned<Respond>>,
    /// The tools.
    #[serde(default)]
    pub tools: Option<Vec<Spanned<ToolPattern>>>,
    /// The MCP servers.
    #[serde(default)]
    pub mcp: Option<Vec<Spanned<Name>>>,
    /// The hosts agents may reach.
    #[serde(default)]
    pub egress: Option<Vec<Spanned<EgressEntry>>>,
    /// What each agent may spend.
    #[serde(default)]
    pub budget: Option<Spanned<Budget>>,
    /// The rule sets.
    #[serde(default)]
    pub rules: Option<Vec<Spanned<Name>>>,
    /// How strongly the sandboxes are closed.
    #[serde(default)]
    pub isolation: Option<Spanned<Isolation>>,
    /// CPU and memory of the agents' containers.
    #[serde(default)]
    pub resources: Option<Spanned<Resources>>,
    /// On which nodes agents run.
    #[serde(default)]
    pub placement: Option<Spanned<Placement>>,
    /// Further environment variables.
    #[serde(default)]
    pub env: Option<Vec<Spanned<EnvVar>>>,
}

/// What runs in the agent's container.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Runtime {
    /// A runtime of the catalogs: `hermes`, `openclaw`, `openai-agents`, `echo`, `byo` …
    pub kind: Spanned<Name>,
    /// A version that the catalog knows.
    #[serde(default)]
    pub version: Option<Spanned<Version>>,
    /// The agent's own code, for `byo` and the framework kinds.
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
    /// The port on loopback.
    pub port: Spanned<u16>,
    /// The path, answered with 200 when all is well.
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
    /// The path from the scenario's folder.
    pub file: Spanned<String>,
}

/// Whether messages of peers are answered unattended.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Respond {
    /// `auto` answers every message with a turn of the agent; `never` leaves it in the inbox.
    pub mode: Spanned<RespondMode>,
    /// How long one answer may take; shorter than `prompt.timeout`.
    #[serde(default)]
    pub timeout: Option<Spanned<Duration>>,
}

/// How messages are answered.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RespondMode {
    Auto,
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
    /// Until when.
    pub until: Spanned<Moment>,
}

/// Labels or selectors, as Kubernetes writes them.
pub type Labels = BTreeMap<String, Spanned<String>>;

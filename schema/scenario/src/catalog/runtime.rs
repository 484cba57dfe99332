//! A runtime's descriptor: one folder under `templates/runtimes/`. What a template may see is listed in `VIEW.md` there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::agent::{Probe, Version};
use crate::binding::ChannelKind;
use crate::decode::Decode;
use crate::environment::EnvironmentMetadata;
use crate::pod::{EnvName, Resources};
use crate::scenario::ApiVersion;
use crate::span::Spanned;

pub use kars_contract::router::{Dialect, PromptProtocol};

/// The kind of a descriptor file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RuntimeKind {
    Runtime,
}

/// What the compiler must know to run a kind of agent.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeDescriptor {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `Runtime`.
    pub kind: RuntimeKind,
    /// The runtime's name and what it is.
    pub metadata: EnvironmentMetadata,
    /// The key of `images.runtimes`; `router` for what the router's image runs itself.
    pub image: Spanned<String>,
    /// The versions that are known.
    #[serde(default)]
    pub versions: Vec<Spanned<Version>>,
    /// The version of agents that name none.
    #[serde(default, rename = "default")]
    pub default_version: Option<Spanned<Version>>,
    /// Where the runtime comes from, for those who build images.
    #[serde(default)]
    pub package: Option<serde_json::Value>,
    /// What the container runs; the image's own command where it is left out.
    #[serde(default)]
    pub command: Vec<Spanned<String>>,
    /// Environment variables: literal, or exactly one hole.
    #[serde(default)]
    pub env: BTreeMap<String, Spanned<String>>,
    /// Further environment variables by version.
    #[serde(default)]
    pub version_env: BTreeMap<String, BTreeMap<String, Spanned<String>>>,
    /// Files inside the container.
    #[serde(default)]
    pub files: Vec<File>,
    /// Where it answers that it is well.
    #[serde(default)]
    pub probe: Option<Probe>,
    /// Where the router delivers a message.
    #[serde(default)]
    pub prompt: Option<PromptEndpoint>,
    /// Ports on loopback that the agent's own programs use among themselves.
    #[serde(default)]
    pub loopback_ports: Vec<Spanned<u16>>,
    /// Inference dialects it speaks, the preferred one first.
    #[serde(default)]
    pub dialects: Vec<Dialect>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Environment variables that nobody may set.
    #[serde(default)]
    pub forbidden_env: Vec<EnvName>,
    /// CPU and memory where the agent says nothing.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Folders that must exist before it starts.
    #[serde(default)]
    pub state_dirs: Vec<String>,
    /// What each chat channel needs.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelNeeds>,
}

/// A file inside the container: a template, or a text taken as it is.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// The template, beside the descriptor.
    #[serde(default)]
    pub template: Option<Spanned<String>>,
    /// The text, beside the descriptor.
    #[serde(default)]
    pub source: Option<Spanned<String>>,
    /// Where it is mounted.
    pub path: Spanned<String>,
    /// How a hole is printed.
    #[serde(default)]
    pub syntax: Option<Syntax>,
    /// Only for these versions; for all where it is left out.
    #[serde(default)]
    pub versions: Vec<Version>,
}

/// The syntax of a rendered file.
#[derive(Clone, Copy, Debug, Decode, Default, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    Yaml,
    Json,
    Env,
    #[default]
    Text,
}

/// Where the router delivers a message, on loopback.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptEndpoint {
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// How the answer comes back.
    pub protocol: PromptProtocol,
}

/// What a runtime can do.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capabilities {
    /// Takes a persona.
    pub persona: bool,
    /// Speaks MCP.
    pub mcp: bool,
    /// Uses a memory.
    pub memory: bool,
    /// Answers messages unattended.
    pub respond: bool,
    /// Starts children.
    pub spawn: bool,
    /// Whether the agent's own code is needed.
    pub code: CodeUse,
    /// Chat channels it serves.
    #[serde(default)]
    pub channels: Vec<ChannelKind>,
    /// How its tools are held to the list.
    pub tools: ToolUse,
}

/// Whether a runtime runs the agent's own code.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeUse {
    None,
    Optional,
    Required,
}

/// How a runtime holds its tools to the granted list.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolUse {
    /// Its configuration takes a positive list.
    EnforcedList,
    /// A plugin asks the router before every call.
    Plugin,
    /// It has no tools of its own that the catalog knows.
    None,
}

/// What a chat channel needs.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelNeeds {
    /// Hosts that the agent must reach.
    pub hosts: Vec<Spanned<kars_contract::host_pattern::HostPattern>>,
    /// The environment variable that holds the token.
    pub token_env: EnvName,
    /// Further keys of the same Secret, under the same names in the environment.
    #[serde(default)]
    pub extra_tokens: Vec<EnvName>,
}

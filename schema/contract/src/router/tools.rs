//! Which tools an agent has and the rules on their use. Not here: how rules are matched (`matcher`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::id::RuleId;
use crate::name::ModelName;
use crate::router::Credential;
use crate::tool::{ToolId, ToolPattern};

/// Who can refuse. No proof rests on what only the runtime enforces.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcer {
    /// The router: the call passes through it.
    Router,
    /// The agent's own process: it asks, and is as strong as the runtime.
    Runtime,
}

/// A tool that the agent has.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GrantedTool {
    /// The line that grants it; several tools may share one.
    pub id: RuleId,
    /// The tool.
    pub tool: ToolId,
    /// Who refuses calls that rules forbid.
    pub enforced: Enforcer,
}

/// A rule on tool calls.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ToolRule {
    /// The rule's stable name.
    pub id: RuleId,
    /// What it does to the calls it means.
    pub effect: Effect,
    /// The tools.
    pub tool: ToolPattern,
    /// The calls of these tools; all of them when empty.
    pub when: When,
    /// Who enforces it.
    pub enforced: Enforcer,
}

/// What a rule does to the calls it means.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// They pass, and calls of the same tool that no such rule means do not.
    Allow,
    /// They are refused, whatever else allows them.
    Deny,
    /// They are counted in one bucket, refused when it is empty.
    Limit {
        /// How many calls fit in the bucket.
        calls: u32,
        /// How many seconds it takes to refill.
        per_seconds: u32,
    },
}

/// Conditions on a call; all of them must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct When {
    /// What each named argument must be.
    pub args: BTreeMap<String, ArgumentMatcher>,
}

/// What an argument must be. A call without the argument is not meant.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum ArgumentMatcher {
    /// A command line, or list of words, that runs one of these programs and nothing else.
    Program(BTreeSet<String>),
    /// An absolute path at or below this one.
    Under(String),
    /// One of these texts.
    OneOf(BTreeSet<String>),
    /// A text that begins so.
    Prefix(String),
    /// A whole number of at most this.
    Max(u64),
}

impl ArgumentMatcher {
    /// Whether some argument could fit.
    #[must_use]
    pub fn is_meaningful(&self) -> bool {
        match self {
            Self::Program(names) => !names.is_empty() && !names.contains(""),
            Self::OneOf(texts) => !texts.is_empty(),
            Self::Under(path) => crate::matcher::is_plain_path(path),
            Self::Prefix(_) | Self::Max(_) => true,
        }
    }
}

/// An MCP server that the agent may use through the router.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct McpServer {
    /// The line that grants it.
    pub id: RuleId,
    /// Where it is.
    pub url: Endpoint,
    /// The tools of it that exist for the agent, by the server's names.
    pub tools: BTreeSet<String>,
    /// What the router shows the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// How long a call may take.
    pub timeout_seconds: u32,
}

/// The agent's long-term memory.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Memory {
    /// The line that binds it.
    pub id: RuleId,
    /// The store, as the provider names it.
    pub store: String,
    /// The part of the store that the agent sees; the router sets it on every call.
    pub scope: String,
    /// How long entries live; absent means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether other agents see the same scope.
    pub shared: bool,
    /// How the store is created where it is missing; absent means that it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<NewStore>,
}

/// How a memory store is created.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewStore {
    /// The deployment that the store finds memories by.
    pub embedding: ModelName,
}

//! Tool catalogs: which tools a provider has, what they take, what flows through them, who enforces rules on them.

use std::collections::BTreeMap;

use kars_contract::tool::ToolId;
use schemars::JsonSchema;
use serde::Serialize;

use super::Dialect;
use crate::agent::Version;
use crate::decode::Decode;
use crate::diagnostic::Found;
use crate::egress::FlowLabel;
use crate::model::Provider;
use crate::node::{Node, Value};
use crate::scenario::ApiVersion;
use crate::span::Spanned;

pub use kars_contract::router::Enforcer;

/// The kind of a tool catalog.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ToolCatalogKind {
    ToolCatalog,
}

/// The tools of one provider.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolCatalog {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `ToolCatalog`.
    pub kind: ToolCatalogKind,
    /// The first part of the tools' ids.
    pub provider: Spanned<String>,
    /// The tools.
    pub tools: Vec<Tool>,
}

/// One tool.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// Its id.
    pub id: Spanned<ToolId>,
    /// What the agent calls it; the last part of the id where it is left out.
    #[serde(default)]
    pub name: Option<String>,
    /// The runtime's own group of it.
    pub toolset: String,
    /// What it does, told to the model.
    pub description: String,
    /// What flows through it.
    #[serde(default)]
    pub labels: Vec<FlowLabel>,
    /// Who enforces rules on it.
    pub enforced: Enforcer,
    /// Model providers that serve it; all where it is left out.
    #[serde(default)]
    pub providers: Option<Vec<Provider>>,
    /// The API over which the router asks the agent's model for it, which the model must offer; none where it asks no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Dialect>,
    /// Runtime versions that have it; all where it is left out.
    #[serde(default)]
    pub versions: Option<Vec<Version>>,
    /// Tokens that its description takes in a request, as measured.
    #[serde(default)]
    pub tokens: Option<u32>,
    /// The argument that names the file it writes.
    #[serde(default)]
    pub writes: Option<String>,
    /// Whether it may write files that none of its arguments names: it runs programs, or applies patches.
    #[serde(default)]
    pub writes_anywhere: bool,
    /// How a plugin calls it at the router.
    #[serde(default)]
    pub call: Option<serde_json::Value>,
    /// What it takes.
    #[serde(default)]
    pub args: BTreeMap<String, Argument>,
}

/// One argument of a tool.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Argument {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ArgumentType,
    /// What an array holds.
    #[serde(default)]
    pub items: Option<ArgumentType>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// The words it may be.
    #[serde(default, rename = "enum")]
    pub choices: Option<Choices>,
    /// The smallest number.
    #[serde(default)]
    pub minimum: Option<i64>,
    /// The largest number.
    #[serde(default)]
    pub maximum: Option<i64>,
    /// Runtime versions that have it; all where it is left out.
    #[serde(default)]
    pub versions: Option<Vec<Version>>,
    /// What it means, told to the model.
    pub description: String,
}

/// The words an argument may be.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Choices {
    /// Names that differ from agent to agent.
    Names(NameSet),
    /// These words.
    Words(Vec<String>),
}

/// Names that differ from agent to agent.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameSet {
    /// Its children.
    Children,
    /// Agents it may write to, first or in reply.
    Peers,
    /// Agents it may hear from.
    Senders,
}

impl Decode for Choices {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        match &node.value {
            Value::Scalar { .. } => NameSet::decode(node, found).map(Self::Names),
            Value::List(_) | Value::Map(_) => Vec::decode(node, found).map(Self::Words),
        }
    }
}

/// A JSON type.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentType {
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
}

impl ArgumentType {
    /// The word in JSON Schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl Tool {
    /// What the agent calls it.
    pub fn call_name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.id.tool())
    }

    /// Whether a version of the runtime has it.
    pub fn in_version(&self, version: Option<&Version>) -> bool {
        in_version(self.versions.as_deref(), version)
    }
}

impl Argument {
    /// Whether a version of the runtime has it.
    pub fn in_version(&self, version: Option<&Version>) -> bool {
        in_version(self.versions.as_deref(), version)
    }
}

fn in_version(versions: Option<&[Version]>, version: Option<&Version>) -> bool {
    versions.is_none_or(|versions| version.is_some_and(|version| versions.contains(version)))
}

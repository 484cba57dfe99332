//! What a run must show (`expect`), and what the policy must answer (`tests/*.yaml`).

use kars_contract::tool::ToolPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::artifact::Range;
use crate::decode::{Decode, Fields};
use crate::diagnostic::Found;
use crate::name::Name;
use crate::node::Node;
use crate::span::Spanned;

/// What a run must show.
#[derive(Clone, Debug, Decode, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    /// What the answer to the prompt must, or must not, say.
    #[serde(default)]
    pub transcript: Vec<Transcript>,
    /// The files that must be there.
    #[serde(default)]
    pub artifacts: Vec<ExpectedArtifact>,
    /// Tool calls that the routers must have recorded.
    #[serde(default)]
    pub audit: Vec<ExpectedCalls>,
    /// What must have happened at the way out.
    #[serde(default)]
    pub egress: Option<ExpectedEgress>,
}

/// A text that must, or must not, be in the answer.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Transcript {
    Contains(Contains),
    Absent(Absent),
}

/// A text that must be there.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contains {
    /// The text.
    pub contains: Spanned<String>,
}

/// Texts that must not be there.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// The texts.
    pub absent: Vec<Spanned<String>>,
}

impl Decode for Transcript {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        Fields::open(node, found)?;
        if node.get("absent").is_some() {
            return Absent::decode(node, found).map(Self::Absent);
        }
        Contains::decode(node, found).map(Self::Contains)
    }
}

/// A file that must be there.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedArtifact {
    /// Whose file.
    pub agent: Spanned<Name>,
    /// The path of the file, one of the agent's `produces`.
    pub path: Spanned<String>,
    /// Words that must occur in it.
    #[serde(default)]
    pub mentions: Vec<Spanned<String>>,
    /// How many https addresses it must have: `{ min: 6 }`.
    #[serde(default)]
    pub urls: Option<Range>,
}

/// Tool calls that must have happened.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedCalls {
    /// Whose calls.
    pub agent: Spanned<Name>,
    /// The tool, or a set of tools.
    pub tool: Spanned<ToolPattern>,
    /// How many calls: `{ min: 3 }`.
    pub count: Range,
}

/// What must have happened at the way out.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedEgress {
    /// How many requests were refused.
    pub denied: Spanned<u32>,
}

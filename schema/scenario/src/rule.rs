//! Rules on tools and their arguments.

use std::collections::BTreeMap;

use kars_contract::tool::ToolPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;
use crate::decode::{Decode, Fields};
use crate::diagnostic::{Diagnostic, Found};
use crate::node::Node;
use crate::quantity::Duration;
use crate::span::Spanned;

/// One rule. A deny wins over everything; a set that names a tool in any `allow` lets that tool run in no other case.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Rule {
    Allow(Allow),
    Deny(Deny),
    Limit(Limit),
}

/// Lets a tool run where the condition holds, and in no other case that no other `allow` names.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allow {
    /// The tool that runs, or a set of tools: `hermes.file.write_file`, `hermes.file.*`.
    pub allow: Spanned<ToolPattern>,
    /// On which arguments; always where it is left out.
    #[serde(default)]
    pub when: Option<When>,
}

/// Refuses a tool where the condition holds, whatever else allows it.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deny {
    /// The tool that is refused, or a set of tools.
    pub deny: Spanned<ToolPattern>,
    /// On which arguments; always where it is left out.
    #[serde(default)]
    pub when: Option<When>,
}

/// Refuses a tool after so many calls in a window. A pattern with `*` counts all its tools together.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// The tool that is counted, or a set of tools, counted together.
    pub limit: Spanned<ToolPattern>,
    /// How many calls pass in one window.
    #[schemars(range(min = 1))]
    pub calls: Spanned<u32>,
    /// How long a window is: `1m`.
    pub per: Spanned<Duration>,
}

/// When a rule holds: all the named arguments must fit.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// Conditions by argument name: `{ path: { under: /sandbox/incoming } }`.
    pub args: BTreeMap<String, Spanned<Matcher>>,
}

/// What one argument must be. Exactly one key is written.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Matcher {
    /// A command line whose program is one of these: `[git, ls]`.
    #[serde(default)]
    pub program: Option<Vec<Spanned<String>>>,
    /// A path inside this folder, after `.` and `..` are resolved: `/sandbox/incoming`.
    #[serde(default)]
    pub under: Option<Spanned<String>>,
    /// One of these texts.
    #[serde(default)]
    pub one_of: Option<Vec<Spanned<String>>>,
    /// A text that starts so.
    #[serde(default)]
    pub prefix: Option<Spanned<String>>,
    /// A number of at most this.
    #[serde(default)]
    pub max: Option<Spanned<u64>>,
}

impl Rule {
    /// The tools a rule is about.
    pub fn tools(&self) -> &Spanned<ToolPattern> {
        match self {
            Self::Allow(rule) => &rule.allow,
            Self::Deny(rule) => &rule.deny,
            Self::Limit(rule) => &rule.limit,
        }
    }

    /// When the rule holds; a limit always does.
    pub fn when(&self) -> Option<&When> {
        match self {
            Self::Allow(rule) => rule.when.as_ref(),
            Self::Deny(rule) => rule.when.as_ref(),
            Self::Limit(_) => None,
        }
    }
}

impl Decode for Rule {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        Fields::open(node, found)?;
        let written: Vec<_> = ["allow", "deny", "limit"].into_iter().filter(|key| node.get(key).is_some()).collect();
        match written.as_slice() {
            ["allow"] => Allow::decode(node, found).map(Self::Allow),
            ["deny"] => Deny::decode(node, found).map(Self::Deny),
            ["limit"] => Limit::decode(node, found).map(Self::Limit),
            _ => {
                found.lose(
                    Diagnostic::error(
                        codes::MISSING_FIELD,
                        node.span,
                        "a rule is exactly one of `allow`, `deny` and `limit`",
                    )
                    .help("write one rule per list item"),
                );
                None
            }
        }
    }
}

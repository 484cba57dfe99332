//! `POST /agt/evaluate`: whether a tool call is permitted. Not here: calls that pass the router, which it judges anyway.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RuleId;
use crate::origins::Origin;
use crate::permits::{Arguments, Reason};
use crate::tool::ToolId;

/// A question: either `tool` with `args`, or the reference's `action` with `context`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EvaluateRequest {
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolId>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Arguments>,
    /// The reference's verb, such as `tool:write_file:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The reference's context of the verb; nothing in it can satisfy a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Arguments>,
    /// Who asks, as the reference says it; ignored, for only one agent can.
    #[serde(default, rename = "agent_id", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// The answer, always with status 200.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EvaluateReply {
    /// Whether the call is permitted; anything but `true` means no.
    pub allowed: bool,
    /// The same in words.
    pub decision: Verdict,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// Where in the scenario that rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether it was refused only because a limit is used up.
    pub rate_limited: bool,
}

/// A decision in words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The call is permitted.
    Allow,
    /// The call is refused.
    Deny,
}

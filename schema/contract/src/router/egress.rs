//! Which hosts an agent may reach. Not here: what the router itself connects to (`infra`).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host_pattern::HostPattern;
use crate::id::RuleId;
use crate::instant::Instant;
use crate::name::{Name, Port};

/// Hosts and ports that the agent may reach.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EgressRule {
    /// The rule's stable name.
    pub id: RuleId,
    /// The hosts.
    pub host: HostPattern,
    /// The ports; with none, the rule allows nothing.
    pub ports: BTreeSet<Port>,
    /// From this moment on the rule allows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// Why the agent needs it.
    pub reason: String,
    /// Where it was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The preset that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Name>,
    /// The chat channel that needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Name>,
    /// What flows through it, such as `untrusted-input` and `way-out`.
    pub labels: BTreeSet<Name>,
}

/// A chat channel. Its token is the one secret that sits in the agent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Channel {
    /// Its kind, such as `telegram`.
    pub kind: Name,
}

/// A window in which unlisted hosts are allowed and recorded.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Learn {
    /// The rule's stable name.
    pub id: RuleId,
    /// From this moment on unlisted hosts are refused.
    pub until: Instant,
}

//! One agent's egress by itself, for reviewers and other enforcers. Not here: anything that the router document lacks.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::host_pattern::HostPattern;
use crate::id::RuleId;
use crate::instant::Instant;
use crate::name::{Name, Port};
use crate::router::{Enforcer, RouterDocument};

/// Every host and port that an agent can open a connection to. What is not listed is refused.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EgressAllowlist {
    /// Whose list it is.
    pub agent: Name,
    /// The list, sorted.
    pub endpoints: BTreeSet<AllowedEndpoint>,
}

/// One host and one port.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllowedEndpoint {
    /// The hosts meant.
    pub host: HostPattern,
    /// The port.
    pub port: Port,
    /// From this moment on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// The rule that lists it.
    pub rule: RuleId,
    /// Who refuses everything else.
    pub enforced: Enforcer,
}

impl Document for EgressAllowlist {
    const KIND: &'static str = "EgressAllowlist";
    const FILE: &'static str = "egress.json";
    const VERSION: u32 = 1;
}

impl EgressAllowlist {
    /// The allowlist that a router enforces by this document: its egress rules, those of channels included.
    #[must_use]
    pub fn of(document: &RouterDocument) -> Self {
        let mut endpoints = BTreeSet::new();
        for rule in &document.egress {
            for port in &rule.ports {
                endpoints.insert(AllowedEndpoint {
                    host: rule.host.clone(),
                    port: *port,
                    until: rule.until,
                    rule: rule.id.clone(),
                    enforced: Enforcer::Router,
                });
            }
        }
        Self { agent: document.identity.agent.clone(), endpoints }
    }
}

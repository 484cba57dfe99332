//! What is claimed about a router's document. Not here: the document itself (`kars-contract`).

use kars_contract::instant::Instant;
use kars_contract::name::{Name, Namespace};
use serde::{Deserialize, Serialize};

use crate::statement::{Claims, Validity};

/// Whose policy a document is, where it may run, and until when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouterClaims {
    /// The agent.
    pub agent: Name,
    /// The namespace its pod must run in.
    pub namespace: Namespace,
    /// The scenario it belongs to.
    pub scenario: Name,
    /// The environment it was built for.
    pub environment: Name,
    /// The cluster of that environment.
    pub cluster: Name,
    /// What orders statements: Unix seconds.
    pub serial: u64,
    /// From then on the router alarms.
    pub not_after: Instant,
    /// How many seconds later it denies everything.
    pub grace: u64,
}

impl Claims for RouterClaims {
    const TYPE: &'static str = "https://karsc.dev/statement/router-document/v1";
    const SUBJECT: &'static str = "router.json";

    fn validity(&self) -> Validity {
        Validity { serial: self.serial, not_after: self.not_after, grace: self.grace }
    }
}

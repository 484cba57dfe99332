//! What one scenario's relay and registry must know. Not here: the wire format, keys that open messages.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Document, Inconsistent};
use crate::name::{Name, Namespace};
use crate::router::{MeshIdentity, PublicKey};

/// The policy of a relay: who may speak, and to whom.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RelayDocument {
    /// The scenario it serves.
    pub scenario: Name,
    /// The environment it was built for.
    pub environment: Name,
    /// Whether it was built with the relaxations of the dev profile.
    pub dev: bool,
    /// Whether agents outside this document may connect.
    pub topology: Topology,
    /// What binds a name to a key.
    pub identity: MeshIdentity,
    /// Every agent of the scenario that has a link.
    pub agents: BTreeMap<Name, RelayAgent>,
    /// Who may start a message to whom.
    pub edges: BTreeSet<Edge>,
}

/// Whether the relay serves agents that it was not told of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Frames between agents without an edge are dropped.
    Strict,
    /// Unknown `AgentMesh` clients are served as the reference does; only for dev.
    Open,
}

/// An agent as the relay knows it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RelayAgent {
    /// Where its pod runs; with `workload` identity its token must name this namespace.
    pub namespace: Namespace,
    /// The keys that may bear its name, with `pinned` identity; otherwise empty.
    pub keys: BTreeSet<PublicKey>,
}

/// One declared direction between two agents.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Edge {
    /// Who starts.
    pub from: Name,
    /// Who is addressed.
    pub to: Name,
    /// Whether answers may come back.
    pub replies: bool,
}

impl Document for RelayDocument {
    const KIND: &'static str = "RelayDocument";
    const FILE: &'static str = "relay.json";
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Inconsistent> {
        if !self.dev && self.topology == Topology::Open {
            return Err(Inconsistent::new("topology", "is `open`, which only a dev document may be"));
        }
        if !self.dev && self.identity == MeshIdentity::Anonymous {
            return Err(Inconsistent::new("identity", "is `anonymous`, which only a dev document may be"));
        }
        for (name, agent) in &self.agents {
            if (self.identity == MeshIdentity::Pinned) == agent.keys.is_empty() {
                return Err(Inconsistent::new(
                    format!("agents.{name}.keys"),
                    "must hold keys with `pinned` identity, and none otherwise",
                ));
            }
        }
        for Edge { from, to, replies: _ } in &self.edges {
            for end in [from, to] {
                if !self.agents.contains_key(end) {
                    return Err(Inconsistent::new("edges", format!("names `{end}`, which is no agent here")));
                }
            }
        }
        Ok(())
    }
}

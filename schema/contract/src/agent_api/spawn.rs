//! Spawning, as an agent sees it: children are declared and run already. Not here: starting pods, which nothing does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Name;

/// `POST /kars/v1/spawn`: answers once the child is in the mesh.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpawnRequest {
    /// The child.
    pub name: Name,
}

/// `GET /kars/v1/spawn`: every declared child.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpawnList {
    /// The children, by name.
    pub children: Vec<SpawnState>,
}

/// The state of a child: the answer to spawning it and to `GET /kars/v1/spawn/{name}`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpawnState {
    /// The child.
    pub name: Name,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it can be talked to.
    pub phase: SpawnPhase,
}

/// Whether a child can be talked to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum SpawnPhase {
    /// It is not in the mesh yet.
    Pending,
    /// It is in the mesh.
    Running,
}

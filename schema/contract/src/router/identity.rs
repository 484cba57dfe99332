//! Whose router this is. Not here: keys; the mesh part names them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{Name, Namespace};

/// The agent, and where it runs.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Identity {
    /// The scenario it belongs to.
    pub scenario: Name,
    /// The environment the document was built for.
    pub environment: Name,
    /// The cluster of that environment.
    pub cluster: Name,
    /// The agent's name.
    pub agent: Name,
    /// The namespace its pod must run in.
    pub namespace: Namespace,
    /// What runs beside the router.
    pub runtime: RuntimeIdentity,
    /// What peers and models are told it does; never a privilege.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The agent whose spawn tools may name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Name>,
    /// How strongly its pod is fenced.
    pub isolation: Isolation,
}

/// The program in the agent container.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RuntimeIdentity {
    /// Its kind, such as `hermes`; the catalogs know what it means.
    pub kind: Name,
    /// Its version, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How strongly a pod is fenced, weakest first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The default seccomp profile.
    Standard,
    /// A stricter seccomp profile.
    Enhanced,
    /// A virtual machine of its own.
    Confidential,
}

//! The policy of one agent's router: everything it may do, and nothing it has to look up.
//!
//! Not here: decisions (`permits`), addresses of this pod (`settings`), and secrets, which are only named.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Document, Inconsistent};
use crate::guard::GuardParams;
use crate::name::Name;

mod check;
mod egress;
mod identity;
mod inference;
mod infra;
mod limits;
mod mesh;
mod runtime;
mod tools;

pub use egress::{Channel, EgressRule, Learn};
pub use identity::{Identity, Isolation, RuntimeIdentity};
pub use inference::{AllowedModel, Budget, Credential, Dialect, Inference, Provider, Route, Safety, Severity};
pub use infra::{InfraDestination, InternalHost, TokenIssuer};
pub use limits::Limits;
pub use mesh::{
    FilePattern, IncomingLink, InvalidFilePattern, InvalidPublicKey, Mesh, MeshIdentity, OutgoingLink, PublicKey,
};
pub use runtime::{Child, LoopbackUrl, PromptEndpoint, PromptProtocol, Respond, RespondMode, Runtime};
pub use tools::{ArgumentMatcher, Effect, Enforcer, GrantedTool, McpServer, Memory, NewStore, ToolRule, When};

/// The policy of one agent's router.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouterDocument {
    /// Whether it was built with the relaxations of the dev profile; a prod router refuses it.
    pub dev: bool,
    /// Whose policy this is.
    pub identity: Identity,
    /// The models the agent may use; absent when it uses none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference: Option<Inference>,
    /// How many tokens it may spend.
    pub budget: Budget,
    /// The hosts it may reach. The first rule that matches decides; what none matches is refused.
    pub egress: Vec<EgressRule>,
    /// The tools it has, those of MCP servers excepted: their server grants them.
    pub tools: Vec<GrantedTool>,
    /// Rules on its tool calls, in the order written.
    pub rules: Vec<ToolRule>,
    /// The MCP servers it may use, by name.
    pub mcp: BTreeMap<Name, McpServer>,
    /// Its long-term memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Its chat channels, by name; their hosts stand among the egress rules.
    pub channels: BTreeMap<Name, Channel>,
    /// Its place in the mesh; absent when it has no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Mesh>,
    /// The agents its spawn tools may name.
    pub children: BTreeMap<Name, Child>,
    /// Whether and how it answers messages unattended.
    pub respond: Respond,
    /// What the router must know of the program beside it.
    pub runtime: Runtime,
    /// The ceilings of the router.
    pub limits: Limits,
    /// What the guard lets through.
    pub guard: GuardParams,
    /// Everything else that the router itself connects to, by name, such as `relay`; agents can never choose one.
    pub infra: BTreeMap<Name, InfraDestination>,
    /// Until when unlisted hosts are allowed and recorded; only in dev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learn: Option<Learn>,
}

impl Document for RouterDocument {
    const KIND: &'static str = "RouterDocument";
    const FILE: &'static str = "router.json";
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Inconsistent> {
        check::check(self)
    }
}

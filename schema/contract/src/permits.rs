//! Whether a request is permitted, and by which rule. The compiler's `why`, `test` and `plan` and the router all ask here.
//!
//! Not here: counting (a limit is only named), resolving names, and clocks; the caller brings the moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::host::Hostname;
use crate::id::RuleId;
use crate::name::{ModelName, Name, Port};
use crate::router::Enforcer;
use crate::tool::ToolId;

pub use crate::matcher::{Policy, ToolPolicy, Unreachable, UnreachableBecause, unreachable_rules};

/// The arguments of a tool call.
pub type Arguments = Map<String, Value>;

/// Something that an agent wants, or that a peer wants of it.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Open a connection.
    Egress {
        /// To this host.
        host: &'a Hostname,
        /// And port.
        port: Port,
    },
    /// Call a tool.
    Tool {
        /// This one.
        id: &'a ToolId,
        /// With these arguments.
        args: &'a Arguments,
    },
    /// Call a tool of an MCP server.
    Mcp {
        /// The server.
        server: &'a Name,
        /// The tool, by the server's name for it.
        tool: &'a str,
        /// Its arguments.
        args: &'a Arguments,
    },
    /// Send a message.
    Mesh {
        /// To this peer.
        to: &'a Name,
        /// Whether it answers one of the peer's.
        reply: bool,
    },
    /// Send a file along.
    MeshFile {
        /// To this peer.
        to: &'a Name,
        /// Its path, relative to the agent's home.
        path: &'a str,
    },
    /// Take a message.
    MeshReceive {
        /// From this peer.
        from: &'a Name,
        /// Whether it answers one of the agent's.
        reply: bool,
    },
    /// Take a file.
    MeshReceiveFile {
        /// From this peer.
        from: &'a Name,
        /// Its path, relative to the sender's home.
        path: &'a str,
    },
    /// Ask a model.
    Model {
        /// As the agent names it.
        name: &'a ModelName,
    },
    /// Spawn a child.
    Spawn {
        /// The child.
        name: &'a Name,
    },
}

/// What was decided, and why.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Decision {
    /// Whether it is permitted, as far as it fits its limits.
    pub allowed: bool,
    /// The rule that decided; absent when there is none that could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// Why.
    pub reason: Reason,
    /// Who enforces it.
    pub enforced: Enforcer,
    /// Every bucket that must have room; always empty when it is not permitted.
    pub limits: Vec<Bucket>,
}

/// A count that calls share: one for each rule, also when the rule means a whole set of tools.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bucket {
    /// The rule, which names the bucket.
    pub rule: RuleId,
    /// How many calls fit.
    pub calls: u32,
    /// How many seconds it takes to refill.
    pub per_seconds: u32,
}

/// Why something was decided as it was. The names are stable: they are logged, counted and shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Allowed: the document lists it.
    Listed,
    /// Allowed: the tool is granted and no rule restricts it.
    Granted,
    /// Allowed: the tool is granted and a rule allows this call.
    AllowRule,
    /// Allowed: it answers a message that a link let in or out.
    Reply,
    /// Allowed: the learning window of a dev document is open.
    Learning,
    /// Refused: no egress rule can name the host: it is an address, or a name inside the machine or the cluster.
    HostNotPublic,
    /// Refused: no egress rule names the host.
    HostNotListed,
    /// Refused: egress rules name the host, but none of them this port.
    PortNotListed,
    /// Refused: every egress rule for it has ended.
    RuleEnded,
    /// Refused: the agent does not have the tool.
    ToolNotGranted,
    /// Refused: a rule denies this call.
    DenyRule,
    /// Refused: rules allow some calls of this tool, and this is none of them.
    NoAllowRule,
    /// Refused: the agent does not have the MCP server.
    ServerNotGranted,
    /// Refused: no link to or from this peer.
    NotLinked,
    /// Refused: the link is for answers only, and this is none.
    ReplyOnly,
    /// Refused: the link does not answer.
    NoReplies,
    /// Refused: the link does not carry this file.
    FileNotListed,
    /// Refused: the agent may not use the model.
    ModelNotAllowed,
    /// Refused: no child of this name is declared.
    ChildNotDeclared,
}

impl Reason {
    /// The stable name, as in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Granted => "granted",
            Self::AllowRule => "allow-rule",
            Self::Reply => "reply",
            Self::Learning => "learning",
            Self::HostNotPublic => "host-not-public",
            Self::HostNotListed => "host-not-listed",
            Self::PortNotListed => "port-not-listed",
            Self::RuleEnded => "rule-ended",
            Self::ToolNotGranted => "tool-not-granted",
            Self::DenyRule => "deny-rule",
            Self::NoAllowRule => "no-allow-rule",
            Self::ServerNotGranted => "server-not-granted",
            Self::NotLinked => "not-linked",
            Self::ReplyOnly => "reply-only",
            Self::NoReplies => "no-replies",
            Self::FileNotListed => "file-not-listed",
            Self::ModelNotAllowed => "model-not-allowed",
            Self::ChildNotDeclared => "child-not-declared",
        }
    }

    /// The reason as a clause, for whoever asks why.
    #[must_use]
    pub fn because(self) -> &'static str {
        match self {
            Self::Listed => "it is listed",
            Self::Granted => "the tool is granted, and no rule restricts it",
            Self::AllowRule => "the tool is granted, and a rule allows this call",
            Self::Reply => "it answers a message that a link let through",
            Self::Learning => "the learning window is open: every public host passes and is recorded",
            Self::HostNotPublic => "no egress rule can name this host",
            Self::HostNotListed => "no egress rule names the host",
            Self::PortNotListed => "egress rules name the host, but none of them this port",
            Self::RuleEnded => "every egress rule for it has ended",
            Self::ToolNotGranted => "the agent does not have the tool",
            Self::DenyRule => "a rule denies this call",
            Self::NoAllowRule => "rules allow some calls of this tool, and this is none of them",
            Self::ServerNotGranted => "the agent does not have the server",
            Self::NotLinked => "no link to or from this peer",
            Self::ReplyOnly => "the link is for answers only, and this is none",
            Self::NoReplies => "the link does not answer",
            Self::FileNotListed => "the link does not carry this file",
            Self::ModelNotAllowed => "the agent does not use the model",
            Self::ChildNotDeclared => "no child of this name is declared",
        }
    }

    /// Whether it is a reason to allow.
    #[must_use]
    pub fn allows(self) -> bool {
        matches!(self, Self::Listed | Self::Granted | Self::AllowRule | Self::Reply | Self::Learning)
    }
}

impl Decision {
    pub(crate) fn new(reason: Reason, rule: Option<&RuleId>, enforced: Enforcer) -> Self {
        Self { allowed: reason.allows(), rule: rule.cloned(), reason, enforced, limits: Vec::new() }
    }
}

//! Services that agents are bound to: MCP servers, memories, chat channels.

use schemars::JsonSchema;
use serde::Serialize;

use crate::credential::{Credential, SecretKey, SecretName};
use crate::decode::Decode;
use crate::egress::FlowLabel;
use crate::model::ModelName;
use crate::quantity::Duration;
use crate::span::Spanned;

/// An MCP server. The agent reaches it through its router alone.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpServer {
    /// Where it answers, an https URL: `https://mcp.deepwiki.com/mcp`. `dev` takes http as well, where no credential travels.
    /// The host is derived into the egress of the routers that use
    /// it.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub url: Spanned<String>,
    /// Its tools that agents may call, by name: `[ask_question]`. `*` stands for all of them, in `dev` alone.
    pub tools: Vec<Spanned<String>>,
    /// What the router shows it. The agent never sees it.
    #[serde(default)]
    pub credential: Option<Spanned<Credential>>,
    /// How long one call may take: `30s`.
    #[serde(default)]
    pub timeout: Option<Spanned<Duration>>,
    /// What flows over it. Without this line it is both `untrusted-input` and `way-out`.
    #[serde(default)]
    pub labels: Option<Vec<Spanned<FlowLabel>>>,
}

/// A memory store at the model's provider.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Memory {
    /// The store's name.
    pub store: Spanned<StoreName>,
    /// Whose memories inside the store. One scope belongs to one agent, unless it is `shared`.
    pub scope: Spanned<Scope>,
    /// How long memories are kept, `7d`; the provider's default where it is left out.
    #[serde(default)]
    pub retention: Option<Spanned<Duration>>,
    /// Whether several agents may use this scope.
    #[serde(default)]
    pub shared: bool,
    /// How the router creates the store where it is missing: `{ embedding: text-embedding-3-small }`. Without this line a store
    /// that is missing is an error of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<NewStore>,
}

/// How a memory store is created. It keeps memories as long as `retention` says, and works with the agent's own model.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStore {
    /// The deployment that the store finds memories by: `text-embedding-3-small`.
    pub embedding: Spanned<ModelName>,
}

crate::text::text_type! {
    /// The name of a memory store: a DNS label.
    StoreName, "the name of a memory store", 63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    |text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') && !text.starts_with('-') && !text.ends_with('-'),
    "use lower-case letters, digits and dashes"
}
crate::text::text_type! {
    /// A memory scope. Providers refuse a colon in it.
    Scope, "a memory scope", 256, "^[A-Za-z0-9_./%+@-]+$",
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./%+@-".contains(&byte)),
    "use letters, digits and `_./%+@-`"
}

/// A chat channel. Its token must sit in the agent's container.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    /// Which service.
    pub kind: Spanned<ChannelKind>,
    /// The channel's token, by reference to a Secret. It must sit in the agent's container, since it is part of requests inside TLS.
    pub credential: SecretKey,
    /// Ids of the users that the agent listens to: `[42]`. It ignores everybody else.
    pub allow_from: Vec<Spanned<u64>>,
    /// The id of the chat that the agent writes to unasked.
    #[serde(default)]
    pub home: Option<Spanned<i64>>,
}

/// A chat service.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    Telegram,
    Slack,
    Discord,
}

impl ChannelKind {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Slack => "slack",
            Self::Discord => "discord",
        }
    }
}

/// A Secret by name.
pub type SecretRef = Spanned<SecretName>;

//! Links: who may start a message to whom.

use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::name::Name;
use crate::span::Spanned;

/// One agent may start messages to others.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// The agent that may start a message.
    pub from: Spanned<Name>,
    /// The agents that it may write to.
    pub to: Vec<Spanned<Name>>,
    /// Whether the receivers may answer such a message. They cannot start one.
    #[serde(default)]
    pub replies: bool,
    /// Files that may travel, as paths: `incoming/brief.md`, or `incoming/*.png` with `*` for any name. The sender produces them.
    #[serde(default)]
    pub files: Vec<Spanned<String>>,
}

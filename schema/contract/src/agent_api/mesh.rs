//! Messages between agents, as an agent sees them: plain HTTP on loopback. Not here: the wire between routers.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::name::Name;

/// `POST /kars/v1/mesh/send`: a message.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SendRequest {
    /// The peer.
    pub to: Name,
    /// The text.
    pub content: String,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
}

/// What became of a message or file: the relay has it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SendReply {
    /// The message's id, for answers to name.
    pub id: String,
    /// The peer.
    pub to: Name,
    /// How many bytes were sent.
    pub bytes: u64,
}

/// `POST /kars/v1/mesh/await`: waits until every named peer has sent something.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AwaitRequest {
    /// The peers.
    pub from: BTreeSet<Name>,
    /// How long; by default the longest of the peers' respond timeouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
}

/// What came while waiting. Messages of peers that were not named stay in the inbox.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AwaitReply {
    /// Whether all came, or the time was over.
    pub outcome: AwaitOutcome,
    /// What came, oldest first.
    pub messages: Vec<Message>,
    /// The peers that sent nothing.
    pub missing: BTreeSet<Name>,
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwaitOutcome {
    /// Every named peer has sent something.
    Complete,
    /// The time was over before.
    Timeout,
}

/// A message that has come.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Message {
    /// Its id, for an answer to name.
    pub id: String,
    /// Who sent it; its key is bound to that name.
    pub from: Name,
    /// The text; for a file, one line about it.
    pub content: String,
    /// When it came.
    pub received_at: Instant,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// The file that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<ReceivedFile>,
}

/// A file that has come and lies in the agent's home.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReceivedFile {
    /// Where it lies.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `POST /kars/v1/mesh/transfer`: a file.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TransferRequest {
    /// The peer.
    pub to: Name,
    /// The file, below the agent's home.
    pub path: String,
}

/// `GET /kars/v1/mesh/inbox`: all that has come and was not taken yet, oldest first. Taking empties the inbox.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InboxReply {
    /// The messages.
    pub messages: Vec<Message>,
}

/// `GET /kars/v1/mesh/peers`: the agents that this one is linked to.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PeersReply {
    /// The agents, by name.
    pub peers: Vec<Peer>,
}

/// An agent that this one is linked to.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Peer {
    /// Its name.
    pub name: Name,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it may be sent to without being asked.
    pub may_send: bool,
    /// Whether it is connected to the relay.
    pub online: bool,
}

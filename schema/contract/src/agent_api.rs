//! What an agent may ask its router over HTTP on loopback: paths, bodies, errors.
//!
//! Not here: the inference routes' bodies, which are the providers' own, and JSON-RPC, which is MCP's.

pub mod error;
pub mod evaluate;
pub mod fetch;
pub mod mesh;
pub mod spawn;

pub use error::{ErrorCode, ErrorDetail, ErrorReply};

/// Levels of lists and objects within each other in a request to a model; above, 400. Where `serde_json` ends for other bodies, too.
pub const JSON_DEPTH: usize = 128;
/// OpenAI's chat completions.
pub const CHAT_COMPLETIONS: &str = "/v1/chat/completions";
/// OpenAI's responses.
pub const RESPONSES: &str = "/v1/responses";
/// OpenAI's completions.
pub const COMPLETIONS: &str = "/v1/completions";
/// OpenAI's embeddings.
pub const EMBEDDINGS: &str = "/v1/embeddings";
/// OpenAI's image generation.
pub const IMAGES: &str = "/v1/images/generations";
/// The models that this agent may use.
pub const MODELS: &str = "/v1/models";
/// Anthropic's messages.
pub const ANTHROPIC_MESSAGES: &str = "/anthropic/v1/messages";
/// The base that OpenAI clients are given.
pub const OPENAI_BASE: &str = "/v1";
/// The base that Anthropic clients are given.
pub const ANTHROPIC_BASE: &str = "/anthropic";
/// The MCP servers of this agent.
pub const MCP: &str = "/mcp";
/// Request header that picks one MCP server; without it all of them answer as one.
pub const MCP_SERVER_HEADER: &str = "x-kars-mcp-server";
/// The tools that the model's provider serves.
pub const PLATFORM_MCP: &str = "/platform/mcp";
/// One HTTP request, made by the router: [`fetch::FetchRequest`].
pub const EGRESS_FETCH: &str = "/egress/fetch";
/// The agent's own [`EgressAllowlist`](crate::EgressAllowlist).
pub const EGRESS_ALLOWLIST: &str = "/egress/allowlist";
/// Whether a tool call is permitted: [`evaluate::EvaluateRequest`].
pub const EVALUATE: &str = "/agt/evaluate";
/// Answers 202 and changes nothing.
pub const TRUST: &str = "/agt/trust";
/// Answers 202 and changes nothing.
pub const SIGNING_COUNTER: &str = "/agt/signing-counter";
/// Sends a message: [`mesh::SendRequest`].
pub const MESH_SEND: &str = "/kars/v1/mesh/send";
/// Waits for messages: [`mesh::AwaitRequest`].
pub const MESH_AWAIT: &str = "/kars/v1/mesh/await";
/// Sends a file: [`mesh::TransferRequest`].
pub const MESH_TRANSFER: &str = "/kars/v1/mesh/transfer";
/// Takes what has come: [`mesh::InboxReply`].
pub const MESH_INBOX: &str = "/kars/v1/mesh/inbox";
/// Lists linked agents: [`mesh::PeersReply`].
pub const MESH_PEERS: &str = "/kars/v1/mesh/peers";
/// Spawns by `POST` of [`spawn::SpawnRequest`], lists by `GET`; one child is at this path, a slash and its name.
pub const SPAWN: &str = "/kars/v1/spawn";

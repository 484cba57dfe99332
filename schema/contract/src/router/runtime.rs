//! What the router must know of the program beside it and of the agent's children. Not here: containers and images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RuleId;
use crate::name::Port;

/// What the router must know of the program beside it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Runtime {
    /// Where it says that it lives; absent when it has no such page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<LoopbackUrl>,
}

/// Something that listens on 127.0.0.1 in the same pod.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoopbackUrl {
    /// The TCP port.
    pub port: Port,
    /// The path, with its first slash.
    pub path: String,
}

/// Whether and how the agent answers messages unattended.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Respond {
    /// Whether.
    pub mode: RespondMode,
    /// How long one answer may take.
    pub timeout_seconds: u32,
    /// Where the router hands a message to the runtime; absent when nothing takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptEndpoint>,
}

/// Where the router hands a message to the runtime. It shows [`crate::settings::RUNTIME_KEY`] as a bearer token.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PromptEndpoint {
    /// Where it listens.
    pub url: LoopbackUrl,
    /// How a message is put and how the answer comes back.
    pub protocol: PromptProtocol,
}

/// How a message is put to a runtime, and how the answer comes back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptProtocol {
    /// Hermes' runs: `POST` starts one, its events say how it goes, its state how it ended.
    HermesRuns,
    /// OpenAI's chat completions, not streamed; the session is named by the `user` field.
    ChatCompletions,
}

/// Whether an agent answers messages unattended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RespondMode {
    /// The router hands it every message and sends back what it says.
    Auto,
    /// Messages wait in the inbox.
    Never,
}

/// An agent that the spawn tools may name. It runs from the start; spawning waits for it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Child {
    /// The line that declares it.
    pub id: RuleId,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

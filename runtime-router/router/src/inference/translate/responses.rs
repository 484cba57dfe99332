//! Responses, as far as they are told: what is written, and what is read. Not here: the telling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::{Cached, Failure, Reasoned};

/// A request.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) input: Vec<Input<'a>>,
    /// What is not asked for is not kept: chat completions are not, either.
    pub(super) store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub(super) text: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<Reasoning<'a>>,
    #[serde(flatten)]
    pub(super) same: BTreeMap<&'static str, &'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Reasoning<'a> {
    pub(super) effort: &'a RawValue,
}

#[derive(Default, Serialize)]
pub(super) struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verbosity: Option<&'a RawValue>,
}

impl Text<'_> {
    fn is_empty(&self) -> bool {
        self.format.is_none() && self.verbosity.is_none()
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Format<'a> {
    Text,
    JsonObject,
    JsonSchema(super::chat::Schema<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Input<'a> {
    Message { role: &'static str, content: Content<'a> },
    FunctionCall { call_id: String, name: String, arguments: String },
    FunctionCallOutput { call_id: String, output: Content<'a> },
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(String),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    InputText {
        text: String,
    },
    OutputText {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    InputImage {
        image_url: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a RawValue>,
    },
    InputFile(super::chat::File<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Tool<'a> {
    Function {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a RawValue>,
        parameters: Parameters<'a>,
        strict: Strict<'a>,
    },
}

/// The form of a tool's arguments. Responses insists on one.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Parameters<'a> {
    Given(&'a RawValue),
    None { r#type: &'static str, properties: Nothing },
}

/// An object without fields.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// Whether arguments must have their form. Where nothing is said, the two APIs mean the opposite.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Strict<'a> {
    Given(&'a RawValue),
    Not(bool),
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Word(&'a RawValue),
    Named { r#type: &'static str, name: String },
}

/// An answer.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) object: String,
    #[serde(default)]
    pub(super) created_at: f64,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) output: Vec<Item>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
    #[serde(default, skip_serializing)]
    pub(super) error: Option<Failed>,
    #[serde(default)]
    pub(super) incomplete_details: Option<Incomplete>,
    #[serde(skip_deserializing)]
    pub(super) parallel_tool_calls: bool,
    #[serde(skip_deserializing)]
    pub(super) tool_choice: &'static str,
    #[serde(skip_deserializing)]
    pub(super) tools: [(); 0],
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Failed {
    pub(super) message: Option<String>,
}

impl From<Failure> for Failed {
    fn from(Failure { message }: Failure) -> Self {
        Self { message }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Incomplete {
    pub(super) reason: Option<String>,
}

/// Something that an answer holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message {
        #[serde(default)]
        id: String,
        #[serde(default)]
        role: String,
        #[serde(default)]
        status: String,
        content: Vec<Piece>,
    },
    FunctionCall {
        #[serde(default)]
        id: String,
        call_id: String,
        name: String,
        #[serde(default)]
        arguments: String,
        #[serde(default)]
        status: String,
    },
    /// The model's notes to itself, which the other API does not show.
    Reasoning {},
    #[serde(other)]
    Other,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Piece {
    OutputText {
        text: String,
        #[serde(skip_deserializing)]
        annotations: [(); 0],
    },
    Refusal {
        refusal: String,
    },
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) input_tokens: u64,
    #[serde(default)]
    pub(super) input_tokens_details: Option<Cached>,
    #[serde(default)]
    pub(super) output_tokens: u64,
    #[serde(default)]
    pub(super) output_tokens_details: Option<Reasoned>,
    #[serde(default)]
    pub(super) total_tokens: u64,
}

//! Whole answers, told in the other API. What failed stays failed. Not here: streams.

use super::chat::{self, Chosen, Function, Said};
use super::responses::{self, Incomplete, Item, Piece};
use super::{failed, read, untold};
use crate::refusal::Refusal;

/// An answer of responses, for a client of chat completions.
pub(super) fn from_responses(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let answer: responses::Answer = read(body)?;
    let finish = finish_reason(&answer)?;
    let (mut text, mut refusal, mut calls) = (None::<String>, None::<String>, Vec::new());
    for item in answer.output {
        match item {
            Item::Message { content, .. } => {
                for piece in content {
                    match piece {
                        Piece::OutputText { text: more, .. } => text.get_or_insert_default().push_str(&more),
                        Piece::Refusal { refusal: more } => refusal.get_or_insert_default().push_str(&more),
                    }
                }
            }
            Item::FunctionCall { call_id, name, arguments, .. } => calls.push(chat::Call {
                index: None,
                id: Some(call_id),
                kind: Some("function".to_owned()),
                function: Function { name: Some(name), arguments: Some(arguments) },
            }),
            Item::Reasoning {} => (),
            Item::Other => return Err(untold("with something that chat completions cannot tell")),
        }
    }
    let finish = if calls.is_empty() || finish != "stop" { finish } else { "tool_calls" };
    let message = Said {
        role: Some("assistant".to_owned()),
        content: text,
        refusal,
        tool_calls: (!calls.is_empty()).then_some(calls),
    };
    let chosen =
        Chosen { index: 0, message: Some(message), delta: None, finish_reason: Some(finish.to_owned()), logprobs: () };
    Ok(written(&chat::Answer {
        id: answer.id,
        object: "chat.completion".to_owned(),
        created: seconds(answer.created_at),
        model: answer.model,
        choices: vec![chosen],
        usage: answer.usage.map(usage_of_chat),
        error: None,
    }))
}

/// An answer of chat completions, for a client of responses.
pub(super) fn from_chat(body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let answer: chat::Answer = read(body)?;
    let chosen = answer.choices.into_iter().next().ok_or_else(|| untold("without a choice"))?;
    let said = chosen.message.ok_or_else(|| untold("without a message"))?;
    let mut pieces = Vec::new();
    pieces.extend(said.content.map(|text| Piece::OutputText { text, annotations: [] }));
    pieces.extend(said.refusal.map(|refusal| Piece::Refusal { refusal }));
    let mut output = Vec::new();
    if !pieces.is_empty() {
        output.push(message(&answer.id, pieces));
    }
    for call in said.tool_calls.unwrap_or_default() {
        let chat::Call { id, function: Function { name, arguments }, .. } = call;
        let (id, name) = id.zip(name).ok_or_else(|| untold("with a tool call without a name"))?;
        output.push(self::call(id, name, arguments.unwrap_or_default()));
    }
    let base = begun(&answer.id, answer.created, &answer.model);
    Ok(written(&ended(base, output, chosen.finish_reason.as_deref(), answer.usage)))
}

/// Why an answer of responses ended, in the words of chat completions, but for tool calls.
pub(super) fn finish_reason(answer: &responses::Answer) -> Result<&'static str, Refusal> {
    let reason = answer.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
    match (answer.status.as_deref(), reason) {
        (Some("incomplete"), Some("content_filter")) => Ok("content_filter"),
        (Some("incomplete"), _) => Ok("length"),
        (Some("completed") | None, _) if answer.error.is_none() => Ok("stop"),
        _ => Err(failed(answer.error.as_ref().and_then(|error| error.message.as_deref()))),
    }
}

/// A response that has begun.
pub(super) fn begun(id: &str, created: u64, model: &str) -> responses::Answer {
    responses::Answer {
        id: format!("resp_{id}"),
        object: "response".to_owned(),
        // Seconds fit until the year 2106.
        created_at: f64::from(u32::try_from(created).unwrap_or(u32::MAX)),
        status: Some("in_progress".to_owned()),
        model: model.to_owned(),
        parallel_tool_calls: true,
        tool_choice: "auto",
        ..responses::Answer::default()
    }
}

/// The same once it has ended.
pub(super) fn ended(
    begun: responses::Answer,
    output: Vec<Item>,
    finish: Option<&str>,
    usage: Option<chat::Usage>,
) -> responses::Answer {
    let reason = match finish {
        Some("length") => Some("max_output_tokens"),
        Some("content_filter") => Some("content_filter"),
        _ => None,
    };
    let status = if reason.is_some() { "incomplete" } else { "completed" };
    responses::Answer {
        status: Some(status.to_owned()),
        incomplete_details: reason.map(|reason| Incomplete { reason: Some(reason.to_owned()) }),
        output,
        usage: usage.map(usage_of_responses),
        ..begun
    }
}

/// A message that is complete.
pub(super) fn message(id: &str, content: Vec<Piece>) -> Item {
    let (role, status) = ("assistant".to_owned(), "completed".to_owned());
    Item::Message { id: format!("msg_{id}"), role, status, content }
}

/// A tool call that is complete.
pub(super) fn call(call_id: String, name: String, arguments: String) -> Item {
    Item::FunctionCall { id: format!("fc_{call_id}"), call_id, name, arguments, status: "completed".to_owned() }
}

/// What an answer cost, by the names of chat completions.
pub(super) fn usage_of_chat(usage: responses::Usage) -> chat::Usage {
    chat::Usage {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
        prompt_tokens_details: usage.input_tokens_details,
        completion_tokens_details: usage.output_tokens_details,
    }
}

/// The same by the names of responses, whose details are always there.
pub(super) fn usage_of_responses(usage: chat::Usage) -> responses::Usage {
    let cached = usage.prompt_tokens_details.and_then(|details| details.cached_tokens);
    let reasoned = usage.completion_tokens_details.and_then(|details| details.reasoning_tokens);
    responses::Usage {
        input_tokens: usage.prompt_tokens,
        input_tokens_details: Some(chat::Cached { cached_tokens: Some(cached.unwrap_or(0)) }),
        output_tokens: usage.completion_tokens,
        output_tokens_details: Some(chat::Reasoned { reasoning_tokens: Some(reasoned.unwrap_or(0)) }),
        total_tokens: usage.prompt_tokens.saturating_add(usage.completion_tokens),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a moment is whole seconds, and a cast is bounded"
)]
pub(super) fn seconds(moment: f64) -> u64 {
    moment as u64
}

pub(super) fn written(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("its keys are text")
}

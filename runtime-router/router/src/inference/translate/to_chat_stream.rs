//! A stream of responses, told to a client of chat completions: each piece when it comes. Not here: whole answers.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::{finish_reason, seconds, usage_of_chat, written};
use super::chat::{self, Call, Chosen, Function, Said};
use super::responses::{Answer, Failed, Item};
use super::{failed, read, untold};
use crate::refusal::Refusal;

/// What of a stream has been told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    id: String,
    created: u64,
    model: String,
    has_begun: bool,
    /// The calls, by their place in the output.
    calls: BTreeMap<u64, Told>,
}

/// A call that is being told.
#[derive(Clone, Copy, Debug)]
struct Told {
    index: usize,
    /// Whether any of its arguments have been.
    has_arguments: bool,
}

/// Any event, as far as it is told.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type", default)]
    kind: String,
    response: Option<Answer>,
    item: Option<Item>,
    #[serde(default)]
    output_index: u64,
    delta: Option<String>,
    arguments: Option<String>,
    message: Option<String>,
    error: Option<Failed>,
}

/// The kinds of events that say something to a client of chat completions.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type", default)]
    kind: String,
}

const TOLD: [&str; 11] = [
    "response.created",
    "response.output_text.delta",
    "response.refusal.delta",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.cancelled",
    "error",
];

impl Teller {
    /// Tells one event.
    pub(super) fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        if data == b"[DONE]" {
            return Ok(());
        }
        let Kind { kind } = read(data)?;
        // Others repeat what was told, or show what chat completions does not.
        if !kind.is_empty() && !TOLD.contains(&kind.as_str()) {
            return Ok(());
        }
        let event: Event = read(data)?;
        match event.kind.as_str() {
            "response.output_text.delta" => self.say(Said { content: event.delta, ..Said::default() }, out),
            "response.refusal.delta" => self.say(Said { refusal: event.delta, ..Said::default() }, out),
            "response.output_item.added" => return self.added(event.item, event.output_index, out),
            "response.function_call_arguments.delta" => self.arguments(event.output_index, event.delta, out),
            "response.function_call_arguments.done" => {
                let told = self.calls.get(&event.output_index).is_none_or(|call| call.has_arguments);
                self.arguments(event.output_index, event.arguments.filter(|_| !told), out);
            }
            "response.created" => self.begin(event.response.unwrap_or_default(), out),
            "response.completed" | "response.incomplete" => {
                return self.end(&event.response.unwrap_or_default(), out);
            }
            _ => {
                let nested = event.response.and_then(|response| response.error);
                let said = nested.or(event.error).and_then(|error| error.message).or(event.message);
                return Err(failed(said.as_deref()));
            }
        }
        Ok(())
    }

    fn begin(&mut self, response: Answer, out: &mut Vec<u8>) {
        self.id = response.id;
        self.created = seconds(response.created_at);
        self.model = response.model;
        self.has_begun = true;
        let said = Said { role: Some("assistant".to_owned()), content: Some(String::new()), ..Said::default() };
        self.say(said, out);
    }

    fn added(&mut self, item: Option<Item>, place: u64, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match item {
            Some(Item::FunctionCall { call_id, name, arguments, .. }) => {
                let told = Told { index: self.calls.len(), has_arguments: !arguments.is_empty() };
                self.calls.insert(place, told);
                let function = Function { name: Some(name), arguments: Some(arguments) };
                let kind = Some("function".to_owned());
                self.call(Call { index: Some(told.index), id: Some(call_id), kind, function }, out);
                Ok(())
            }
            Some(Item::Other) => Err(untold("with something that chat completions cannot tell")),
            Some(Item::Message { .. } | Item::Reasoning {}) | None => Ok(()),
        }
    }

    fn arguments(&mut self, place: u64, more: Option<String>, out: &mut Vec<u8>) {
        let (Some(call), Some(more)) = (self.calls.get_mut(&place), more) else { return };
        call.has_arguments = true;
        let function = Function { name: None, arguments: Some(more) };
        let call = Call { index: Some(call.index), function, ..Call::default() };
        self.call(call, out);
    }

    fn end(&mut self, response: &Answer, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let reason = finish_reason(response)?;
        let reason = if reason == "stop" && !self.calls.is_empty() { "tool_calls" } else { reason };
        self.chunk(Some((Said::default(), Some(reason.to_owned()))), None, out);
        if let Some(usage) = response.usage {
            self.chunk(None, Some(usage_of_chat(usage)), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        Ok(())
    }

    fn call(&self, call: Call, out: &mut Vec<u8>) {
        self.say(Said { tool_calls: Some(vec![call]), ..Said::default() }, out);
    }

    fn say(&self, said: Said, out: &mut Vec<u8>) {
        self.chunk(Some((said, None)), None, out);
    }

    fn chunk(&self, said: Option<(Said, Option<String>)>, usage: Option<chat::Usage>, out: &mut Vec<u8>) {
        let chosen = said.map(|(said, finish_reason)| Chosen {
            index: 0,
            message: None,
            delta: Some(said),
            finish_reason,
            logprobs: (),
        });
        let chunk = chat::Answer {
            id: self.id.clone(),
            object: "chat.completion.chunk".to_owned(),
            created: self.created,
            model: self.model.clone(),
            choices: chosen.into_iter().collect(),
            usage,
            error: None,
        };
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&written(&chunk));
        out.extend_from_slice(b"\n\n");
    }
}

//! A stream of chat completions, told to a client of responses: each piece when it comes, each part closed before the next.
//!
//! Not here: whole answers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::{begun, call, ended, message, written};
use super::chat::{self, Call};
use super::responses::{Answer, Item, Piece};
use super::{failed, read, untold};
use crate::refusal::Refusal;

/// What of a stream has been told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The response as it began, once it has.
    begun: Option<Answer>,
    /// The id that the provider gave.
    id: String,
    sequence: u64,
    /// What is complete.
    output: Vec<Item>,
    open: Option<Open>,
    /// Places in the output of calls that are complete or open, by the provider's index.
    calls: BTreeMap<usize, usize>,
    finish: Option<String>,
    usage: Option<chat::Usage>,
}

/// What is being told, at the place after all that is complete.
#[derive(Debug)]
enum Open {
    Text(String),
    Refusal(String),
    Call { id: String, name: String, arguments: String },
}

#[derive(Clone, Copy, Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a Piece>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

impl Event<'_> {
    fn of(kind: &'static str) -> Self {
        Self {
            kind,
            sequence_number: 0,
            response: None,
            output_index: None,
            item_id: None,
            content_index: None,
            item: None,
            part: None,
            delta: None,
            text: None,
            refusal: None,
            name: None,
            arguments: None,
            logprobs: None,
        }
    }
}

impl Teller {
    /// Tells one event.
    pub(super) fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        if data == b"[DONE]" {
            return self.end(out);
        }
        let chunk: chat::Answer = read(data)?;
        if let Some(error) = chunk.error {
            return Err(failed(error.message.as_deref()));
        }
        if self.begun.is_none() {
            self.begin(&chunk, out);
        }
        self.usage = chunk.usage.or(self.usage);
        // There is one choice: more were not asked for.
        let Some(chosen) = chunk.choices.into_iter().next() else { return Ok(()) };
        let said = chosen.delta.unwrap_or_default();
        if let Some(text) = said.content.filter(|text| !text.is_empty()) {
            self.text(&text, out);
        }
        if let Some(refusal) = said.refusal.filter(|text| !text.is_empty()) {
            self.refusal(&refusal, out);
        }
        for call in said.tool_calls.unwrap_or_default() {
            self.call(call, out)?;
        }
        self.finish = chosen.finish_reason.or(self.finish.take());
        Ok(())
    }

    fn begin(&mut self, chunk: &chat::Answer, out: &mut Vec<u8>) {
        let begun = begun(&chunk.id, chunk.created, &chunk.model);
        self.id.clone_from(&chunk.id);
        for kind in ["response.created", "response.in_progress"] {
            self.tell(Event { response: Some(&begun), ..Event::of(kind) }, out);
        }
        self.begun = Some(begun);
    }

    fn text(&mut self, more: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Text(_))) {
            self.close(out);
            self.open_message(&Piece::OutputText { text: String::new(), annotations: [] }, out);
            self.open = Some(Open::Text(String::new()));
        }
        if let Some(Open::Text(text)) = &mut self.open {
            text.push_str(more);
        }
        let delta = Event { delta: Some(more), logprobs: Some([]), ..Event::of("response.output_text.delta") };
        self.tell_of_message(&delta, out);
    }

    fn refusal(&mut self, more: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Refusal(_))) {
            self.close(out);
            self.open_message(&Piece::Refusal { refusal: String::new() }, out);
            self.open = Some(Open::Refusal(String::new()));
        }
        if let Some(Open::Refusal(text)) = &mut self.open {
            text.push_str(more);
        }
        self.tell_of_message(&Event { delta: Some(more), ..Event::of("response.refusal.delta") }, out);
    }

    fn call(&mut self, piece: Call, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let index = piece.index.unwrap_or(0);
        let more = piece.function.arguments.unwrap_or_default();
        if let Some(place) = self.calls.get(&index) {
            if *place != self.output.len() {
                return Err(untold("with pieces of a tool call that had ended"));
            }
        } else {
            let (id, name) =
                piece.id.zip(piece.function.name).ok_or_else(|| untold("with a tool call without a name"))?;
            self.close(out);
            self.calls.insert(index, self.output.len());
            let mut item = call(id.clone(), name.clone(), String::new());
            if let Item::FunctionCall { status, .. } = &mut item {
                "in_progress".clone_into(status);
            }
            let place = Some(self.output.len());
            self.tell(Event { output_index: place, item: Some(&item), ..Event::of("response.output_item.added") }, out);
            self.open = Some(Open::Call { id, name, arguments: String::new() });
        }
        if let Some(Open::Call { id, arguments, .. }) = &mut self.open
            && !more.is_empty()
        {
            arguments.push_str(&more);
            let item_id = format!("fc_{id}");
            let delta = Event {
                output_index: Some(self.output.len()),
                item_id: Some(&item_id),
                delta: Some(&more),
                ..Event::of("response.function_call_arguments.delta")
            };
            self.tell(delta, out);
        }
        Ok(())
    }

    fn open_message(&mut self, part: &Piece, out: &mut Vec<u8>) {
        let mut item = message(&self.message_id(), Vec::new());
        if let Item::Message { status, .. } = &mut item {
            "in_progress".clone_into(status);
        }
        let place = Some(self.output.len());
        self.tell(Event { output_index: place, item: Some(&item), ..Event::of("response.output_item.added") }, out);
        self.tell_of_message(&Event { part: Some(part), ..Event::of("response.content_part.added") }, out);
    }

    /// Ends what is being told.
    fn close(&mut self, out: &mut Vec<u8>) {
        let item = match self.open.take() {
            None => return,
            Some(Open::Text(text)) => {
                let done = Event { text: Some(&text), logprobs: Some([]), ..Event::of("response.output_text.done") };
                self.tell_of_message(&done, out);
                self.close_part(Piece::OutputText { text, annotations: [] }, out)
            }
            Some(Open::Refusal(refusal)) => {
                self.tell_of_message(&Event { refusal: Some(&refusal), ..Event::of("response.refusal.done") }, out);
                self.close_part(Piece::Refusal { refusal }, out)
            }
            Some(Open::Call { id, name, arguments }) => {
                let item_id = format!("fc_{id}");
                let done = Event {
                    output_index: Some(self.output.len()),
                    item_id: Some(&item_id),
                    name: Some(&name),
                    arguments: Some(&arguments),
                    ..Event::of("response.function_call_arguments.done")
                };
                self.tell(done, out);
                call(id, name, arguments)
            }
        };
        let place = Some(self.output.len());
        self.tell(Event { output_index: place, item: Some(&item), ..Event::of("response.output_item.done") }, out);
        self.output.push(item);
    }

    fn close_part(&mut self, part: Piece, out: &mut Vec<u8>) -> Item {
        self.tell_of_message(&Event { part: Some(&part), ..Event::of("response.content_part.done") }, out);
        message(&self.message_id(), vec![part])
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let begun = self.begun.take().ok_or_else(|| untold("nothing"))?;
        self.close(out);
        let response = ended(begun, std::mem::take(&mut self.output), self.finish.as_deref(), self.usage);
        let is_complete = response.status.as_deref() == Some("completed");
        let kind = if is_complete { "response.completed" } else { "response.incomplete" };
        self.tell(Event { response: Some(&response), ..Event::of(kind) }, out);
        Ok(())
    }

    /// The id of the message at the next place: a call may stand between two.
    fn message_id(&self) -> String {
        format!("{}_{}", self.id, self.output.len())
    }

    /// Tells something of the message that is open.
    fn tell_of_message(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let item_id = format!("msg_{}", self.message_id());
        let (output_index, content_index) = (Some(self.output.len()), Some(0));
        self.tell(Event { output_index, content_index, item_id: Some(&item_id), ..*event }, out);
    }

    fn tell(&mut self, mut event: Event<'_>, out: &mut Vec<u8>) {
        event.sequence_number = self.sequence;
        self.sequence += 1;
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(&written(&event));
        out.extend_from_slice(b"\n\n");
    }
}

//! Requests and answers of OpenAI's two APIs, told in each other, for models that offer only one of them. What cannot be told is
//! refused by name. Not here: where nothing has to be told, which passes byte for byte.

mod answer;
mod chat;
mod fields;
mod responses;
mod to_chat;
mod to_chat_stream;
mod to_responses;
mod to_responses_stream;

use bytes::Bytes;
use kars_contract::agent_api::ErrorCode;

use super::api::Api;
use super::sse::Events;
use crate::refusal::Refusal;

/// The API in which a request of this one can be told.
#[must_use]
pub fn other(api: Api) -> Option<Api> {
    match api {
        Api::ChatCompletions => Some(Api::Responses),
        Api::Responses => Some(Api::ChatCompletions),
        Api::Completions | Api::Embeddings | Api::Images | Api::Messages => None,
    }
}

/// Tells a request of this API in the other one.
pub fn request(from: Api, body: &str) -> Result<String, Refusal> {
    match from {
        Api::Responses => to_chat::request(body),
        _ => to_responses::request(body),
    }
}

/// Tells a whole answer to a client of this API.
pub fn answer(client: Api, body: &[u8]) -> Result<Bytes, Refusal> {
    let told = match client {
        Api::Responses => answer::from_chat(body),
        _ => answer::from_responses(body),
    };
    told.map(Bytes::from)
}

/// A stream that is told to a client of the other API, event by event.
#[derive(Debug)]
pub struct Stream {
    events: Events,
    teller: Teller,
}

#[derive(Debug)]
enum Teller {
    Chat(Box<to_chat_stream::Teller>),
    Responses(Box<to_responses_stream::Teller>),
}

impl Stream {
    /// Tells it to a client of this API.
    #[must_use]
    pub fn to(client: Api) -> Self {
        let teller = match client {
            Api::Responses => Teller::Responses(Box::default()),
            _ => Teller::Chat(Box::default()),
        };
        Self { events: Events::default(), teller }
    }

    /// Takes the next bytes, and writes what they tell. Where the provider says that it has failed, nothing more is told.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        let (mut told, Self { events, teller }) = (Ok(()), self);
        events.feed(bytes, |event| {
            if told.is_ok() {
                told = teller.event(event, out);
            }
        });
        told
    }
}

impl Teller {
    fn event(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self {
            Self::Chat(teller) => teller.event(event, out),
            Self::Responses(teller) => teller.event(event, out),
        }
    }
}

/// What a provider says that cannot be told.
fn untold(what: &str) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the provider answers {what}"))
}

/// What a provider says of its own failure.
fn failed(message: Option<&str>) -> Refusal {
    let said = message.map(|message| format!(": {}", crate::refusal::shown(message))).unwrap_or_default();
    untold(&format!("that it has failed{said}"))
}

fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| untold("something that cannot be read"))
}

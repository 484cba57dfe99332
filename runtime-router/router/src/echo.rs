//! The built-in responder: the runtime of an agent that says back what it is told, for tests. Not here: who may write to it.
//!
//! It is prompted as any runtime whose descriptor names OpenAI's chat completions, and it needs no document, no model and no network:
//! `templates/runtimes/echo/runtime.yaml`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Limits;
use kars_kit::files::Files;
use kars_kit::http::{Answer, Body, reply, serve};
use kars_kit::serve::{Signals, Tasks};
use serde::Deserialize;
use serde_json::json;

use crate::api::body;
use crate::process::{CannotStart, GRACE, bind, ceilings, size};
use crate::refusal::Refusal;

/// Where it listens, as its descriptor says.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8700);
/// The variable that holds its name.
pub const NAME: &str = "SANDBOX_NAME";
/// Whether it lives.
pub const HEALTH: &str = "/health";
/// Where it is prompted.
pub const PROMPT: &str = "/v1/chat/completions";

/// Answers by a name until a signal; a second one ends it at once. Returns whether everything could be finished.
pub async fn run(name: String, address: SocketAddr) -> Result<bool, CannotStart> {
    let mut signals = Signals::take()?;
    let listener = bind("prompts", address)?;
    let (address, tasks, limits) = (listener.local_addr()?, Tasks::default(), Limits::default());
    let echo = Echo { name, most: size(limits.inference_request_bytes) };
    let ceilings = ceilings(limits, limits.agent_connections);
    tasks.spawn(serve(listener, ceilings, Files::raise()?, tasks.clone(), Arc::new(echo)));
    tracing::info!(%address, "serving");
    signals.next().await;
    tokio::select! {
        finished = tasks.drain(GRACE) => Ok(finished),
        () = signals.next() => Ok(false),
    }
}

struct Echo {
    name: String,
    /// Bytes of a prompt.
    most: usize,
}

impl Echo {
    async fn prompted(&self, mut body: Incoming) -> Result<Response<Body>, Refusal> {
        let prompt: Prompt = body::json(&body::read(&mut body, self.most).await?)?;
        let wrong = |message| Err(Refusal::new(ErrorCode::ArgsWrong, message));
        if prompt.stream == Some(true) {
            return wrong("the responder answers whole, and was asked for a stream");
        }
        let Some(said) = prompt.messages.into_iter().rev().find(|message| message.role == "user") else {
            return wrong("`messages` has none of a user");
        };
        let text = format!("echo({}): {}", self.name, said.content.map(Content::text).unwrap_or_default());
        let message = json!({"role": "assistant", "content": text});
        let answer = json!({
            "id": "echo",
            "object": "chat.completion",
            "created": 0,
            "model": "echo",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        });
        Ok(reply(StatusCode::OK, "application/json", answer.to_string()))
    }
}

impl Answer for Echo {
    async fn answer(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match (head.method, head.uri.path()) {
            (Method::GET, HEALTH) => reply(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
            (Method::POST, PROMPT) => self.prompted(body).await.unwrap_or_else(Refusal::into_response),
            _ => {
                let help = format!("it serves `GET {HEALTH}` and `POST {PROMPT}`");
                Refusal::new(ErrorCode::RouteUnknown, "the responder has no such route").help(help).into_response()
            }
        }
    }

    fn failed(&self) -> Response<Body> {
        Refusal::new(ErrorCode::RouterFailed, "the responder could not finish the request").into_response()
    }
}

/// What a request of chat completions says, as far as it matters here (<https://platform.openai.com/docs/api-reference/chat/create>).
#[derive(Deserialize)]
struct Prompt {
    messages: Vec<Message>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    /// None where tools are called.
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A piece of text; one of another kind has none.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
        }
    }
}

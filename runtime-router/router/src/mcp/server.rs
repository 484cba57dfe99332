//! What a client speaks to the router as its MCP server: what it must accept, messages, greetings. Not here: any tool.

use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::Arguments;
use kars_kit::http::{Body, reply};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::message::{self, Incoming, LATEST, NO_JSON, NO_METHOD, NO_REQUEST, VERSIONS, WRONG_PARAMS};
use super::remote::SESSION;
use crate::refusal::Refusal;

/// Bytes of a message.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// A message, as far as the protocol goes.
#[derive(Debug)]
pub enum Message<'m> {
    /// Nothing else is needed: this is the answer.
    Answered(Response<Body>),
    /// Which tools there are.
    List(&'m RawValue),
    /// A call of one.
    Call(&'m RawValue, Call),
}

/// What a client asks with `tools/call`.
#[derive(Debug, Deserialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Arguments,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    protocol_version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Welcome {
    protocol_version: &'static str,
    capabilities: Capabilities,
    server_info: Info,
}

#[derive(Serialize)]
struct Capabilities {
    tools: ToolsCapability,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolsCapability {
    list_changed: bool,
}

#[derive(Serialize)]
struct Info {
    name: &'static str,
    version: &'static str,
}

/// The answer to a client that takes only one form of answer, and would wait for ever on the other.
#[must_use]
pub fn not_acceptable(headers: &HeaderMap) -> Option<Response<Body>> {
    let accepted: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let takes = |kind: &str, family: &str| {
        accepted.iter().flat_map(|list| list.split(',')).any(|one| {
            let one = one.split(';').next().unwrap_or_default().trim();
            one == kind || one == family || one == "*/*"
        })
    };
    if takes("application/json", "application/*") && takes("text/event-stream", "text/*") {
        return None;
    }
    let message = "`accept` must name `application/json` and `text/event-stream`";
    let mut response = Refusal::new(ErrorCode::ArgsWrong, message).into_response();
    *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
    Some(response)
}

/// Reads a message, and answers it where no tool is asked for.
#[must_use]
pub fn read(bytes: &[u8]) -> Message<'_> {
    let Ok(message) = serde_json::from_slice::<Incoming<'_>>(bytes) else {
        let (code, problem) = match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(_) => (NO_REQUEST, "a message is one JSON-RPC object; several at once are not taken"),
            Err(_) => (NO_JSON, "the message is no JSON"),
        };
        return Message::Answered(json(StatusCode::BAD_REQUEST, message::error(None, code, problem, None)));
    };
    if message.jsonrpc != "2.0" {
        let problem = "`jsonrpc` is not `2.0`";
        let error = message::error(message.id, NO_REQUEST, problem, None);
        return Message::Answered(json(StatusCode::BAD_REQUEST, error));
    }
    // Answers of the client's and notifications are taken and change nothing.
    let (Some(method), Some(id)) = (message.method.as_deref(), message.id) else {
        return Message::Answered(json(StatusCode::ACCEPTED, Vec::new()));
    };
    Message::Answered(match method {
        "initialize" => welcome(id, message.params),
        "ping" => json(StatusCode::OK, message::result(Some(id), Arguments::new())),
        "tools/list" => return Message::List(id),
        "tools/call" => {
            if let Some(call) = message.params.and_then(|params| serde_json::from_str(params.get()).ok()) {
                return Message::Call(id, call);
            }
            let problem = "a call has a `name` and `arguments`";
            json(StatusCode::OK, message::error(Some(id), WRONG_PARAMS, problem, None))
        }
        _ => json(StatusCode::OK, message::error(Some(id), NO_METHOD, "the router serves tools alone", None)),
    })
}

fn welcome(id: &RawValue, params: Option<&RawValue>) -> Response<Body> {
    let wanted = params.and_then(|params| serde_json::from_str::<Hello>(params.get()).ok());
    let wanted = wanted.map(|hello| hello.protocol_version);
    let version = VERSIONS.iter().find(|version| Some(**version) == wanted.as_deref()).copied().unwrap_or(LATEST);
    let welcome = Welcome {
        protocol_version: version,
        capabilities: Capabilities { tools: ToolsCapability { list_changed: false } },
        server_info: Info { name: "kars-router", version: env!("CARGO_PKG_VERSION") },
    };
    let mut response = json(StatusCode::OK, message::result(Some(id), welcome));
    // A session holds nothing here: who asks is known without it.
    response.headers_mut().insert(SESSION, HeaderValue::from_static("router"));
    response
}

/// A refusal as a tool's result, which models read, and not as a fault of the protocol, which they never see.
#[must_use]
pub fn refused(id: &RawValue, refusal: &Refusal) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Refused<'a> {
        content: [Text<'a>; 1],
        is_error: bool,
    }
    #[derive(Serialize)]
    struct Text<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        text: &'a str,
    }
    let text = serde_json::to_string(&refusal.detail).expect("its keys are text");
    message::result(Some(id), Refused { content: [Text { kind: "text", text: &text }], is_error: true })
}

/// An answer in JSON.
#[must_use]
pub fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    reply(status, "application/json", body)
}

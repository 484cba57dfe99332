//! `POST /mcp`: one server by name, or all of them as one. Not here: the servers themselves (`remote`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::body::Incoming as IncomingBody;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use kars_contract::Name;
use kars_contract::agent_api::{ErrorCode, MCP_SERVER_HEADER};
use kars_contract::permits::{self, Arguments};
use kars_contract::router::{Credential, McpServer, RouterDocument};
use kars_kit::clock::now;
use kars_kit::http::{Body, reply};
use opentelemetry::trace::SpanContext;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::catalog::{FRESH, Offer, PAUSE, fingerprint, joint_name, offer};
use super::message::{self, Incoming, NO_JSON, NO_METHOD, NO_REQUEST, WRONG_PARAMS};
use super::pins::Pins;
use super::remote::{Remote, Way};
use super::welcome::welcome;
use crate::api::body::read;
use crate::credentials::{Credentials, Secret};
use crate::dial::Dial;
use crate::gate::Gate;
use crate::inference::upstream::Upstream;
use crate::metrics::{Called, Kind};
use crate::policy::Generation;
use crate::refusal::Refusal;
use crate::trace::{Span, parent};

/// Bytes of a message.
const LARGEST: usize = 4 * 1024 * 1024;

/// Speaks to servers on the agent's behalf.
#[derive(Debug)]
pub struct Gateway<D> {
    gate: Gate,
    upstream: Upstream<D>,
    credentials: Credentials,
    state: PathBuf,
    servers: tokio::sync::Mutex<Servers>,
}

/// What is known of the servers of one generation.
#[derive(Debug, Default)]
struct Servers {
    generation: u64,
    by_name: BTreeMap<Name, Arc<Known>>,
}

/// What is known of one server.
#[derive(Debug, Default)]
struct Known {
    remote: Remote,
    offer: tokio::sync::Mutex<Option<Result<Offer, (Refusal, Instant)>>>,
}

/// What a client asks with `tools/call`.
#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Arguments,
}

/// The same, as it is sent on.
#[derive(Clone, Copy, Serialize)]
struct Params<'a> {
    name: &'a str,
    arguments: &'a Arguments,
}

#[derive(Serialize)]
struct Tools<'a> {
    tools: Vec<&'a RawValue>,
}

/// What is asked of one server or of all.
struct Asked<'a> {
    generation: &'a Generation,
    /// The server that the client has picked.
    only: Option<&'a Name>,
    /// The span that the client names as parent.
    parent: SpanContext,
}

impl<D: Dial> Gateway<D> {
    /// Speaks to the servers of what is served.
    #[must_use]
    pub fn new(gate: Gate, dial: Arc<D>, credentials: Credentials, state: PathBuf) -> Self {
        Self { gate, upstream: Upstream::new(dial), credentials, state, servers: tokio::sync::Mutex::default() }
    }

    /// Answers one message.
    pub async fn answer(&self, request: Request<IncomingBody>) -> Result<Response<Body>, Refusal> {
        if let Err(refusal) = accepts(request.headers()) {
            let mut response = refusal.into_response();
            *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
            return Ok(response);
        }
        let (picked, parent) = (request.headers().get(MCP_SERVER_HEADER).cloned(), parent(request.headers()));
        let bytes = read(request.into_body(), LARGEST).await?;
        let generation = self.gate.current().in_force(now())?;
        let only = picked.map(|name| server_named(&name, generation.document())).transpose()?;
        let Ok(message) = serde_json::from_slice::<Incoming<'_>>(&bytes) else {
            let (code, problem) = match serde_json::from_slice::<&RawValue>(&bytes) {
                Ok(_) => (NO_REQUEST, "a message is one JSON-RPC object; several at once are not taken"),
                Err(_) => (NO_JSON, "the message is no JSON"),
            };
            return Ok(json(StatusCode::BAD_REQUEST, message::error(None, code, problem, None)));
        };
        if message.jsonrpc != "2.0" {
            let problem = "`jsonrpc` is not `2.0`";
            return Ok(json(StatusCode::BAD_REQUEST, message::error(message.id, NO_REQUEST, problem, None)));
        }
        // Answers of the client's and notifications are taken and change nothing.
        let (Some(method), Some(id)) = (message.method.as_deref(), message.id) else {
            return Ok(json(StatusCode::ACCEPTED, Vec::new()));
        };
        let asked = Asked { generation: &generation, only, parent };
        Ok(match method {
            "initialize" => welcome(id, message.params),
            "ping" => json(StatusCode::OK, message::result(Some(id), Arguments::new())),
            "tools/list" => json(StatusCode::OK, self.list(&asked, id).await),
            "tools/call" => json(StatusCode::OK, self.call(&asked, id, message.params).await),
            _ => json(StatusCode::OK, message::error(Some(id), NO_METHOD, "the gateway serves tools alone", None)),
        })
    }

    async fn list(&self, asked: &Asked<'_>, id: &RawValue) -> Vec<u8> {
        let document = asked.generation.document();
        let names: Vec<&Name> =
            document.mcp.keys().filter(|name| asked.only.is_none_or(|only| only == *name)).collect();
        let offers = join_all(names.iter().map(|name| self.offer(asked.generation, name))).await;
        let mut tools: Vec<Box<RawValue>> = Vec::new();
        for (name, offer) in names.iter().zip(offers) {
            match offer {
                Ok(offer) if asked.only.is_some() => tools.extend(offer.tools.into_values()),
                Ok(offer) => {
                    let renamed = |(tool, text): (String, Box<RawValue>)| renamed(&text, &joint_name(name, &tool));
                    tools.extend(offer.tools.into_iter().filter_map(renamed));
                }
                // One server that is down does not hide the others.
                Err(refusal) if asked.only.is_none() => {
                    tracing::warn!(
                        server = name.as_str(),
                        code = refusal.code().as_str(),
                        "an MCP server lists no tools"
                    );
                }
                Err(refusal) => {
                    let detail = &refusal.detail;
                    return message::error(Some(id), message::FAULT, &detail.message, Some(detail));
                }
            }
        }
        message::result(Some(id), Tools { tools: tools.iter().map(|tool| &**tool).collect() })
    }

    async fn call(&self, asked: &Asked<'_>, id: &RawValue, params: Option<&RawValue>) -> Vec<u8> {
        let call = params.and_then(|params| serde_json::from_str::<Call>(params.get()).ok());
        let Some(Call { name, arguments }) = call else {
            return message::error(Some(id), WRONG_PARAMS, "a call has a `name` and `arguments`", None);
        };
        let began = Instant::now();
        let mut span = self.gate.tracer().begin("tools/call", &asked.parent);
        span.set("mcp.method.name", "tools/call");
        span.set("gen_ai.operation.name", "execute_tool");
        let answered = self.called(asked, &name, &arguments, &mut span).await;
        match &answered {
            Ok(answer) if answer.result.is_none() => span.failed("error"),
            Ok(_) => (),
            Err(refusal) => span.failed(refusal.code().as_str()),
        }
        let server = asked.only.or_else(|| joint(asked.generation.document(), &name).ok().map(|(server, _)| server));
        self.gate.metrics().called(server, outcome(&answered), began.elapsed());
        match answered {
            Ok(answer) => match (answer.result, answer.error) {
                (Some(result), _) => message::result(Some(id), result),
                (None, Some(error)) => message::foreign_error(Some(id), &error),
                (None, None) => message::error(Some(id), message::FAULT, "the server answered nothing", None),
            },
            Err(refusal) => {
                self.gate.metrics().refused(Kind::Mcp, refusal.code());
                refused(id, &refusal)
            }
        }
    }

    async fn called(
        &self,
        asked: &Asked<'_>,
        name: &str,
        arguments: &Arguments,
        span: &mut Span,
    ) -> Result<message::Answer, Refusal> {
        let document = asked.generation.document();
        let (server, tool) = match asked.only {
            Some(server) => (server, name),
            None => joint(document, name)?,
        };
        let request = permits::Request::Mcp { server, tool, args: arguments };
        let permit = self.gate.decide(Kind::Mcp, format!("mcp.{server}.{tool}"), &request)?;
        let generation = permit.generation();
        let offer = self.offer(generation, server).await?;
        if !offer.tools.contains_key(tool) {
            let message = format!("`{tool}` of the MCP server `{server}` is not offered, or not described as it was");
            return Err(Refusal::new(ErrorCode::PolicyDenied, message));
        }
        let declared = declared(generation, server)?;
        span.rename(format!("tools/call {tool}"));
        span.set("gen_ai.tool.name", tool.to_owned());
        span.set("kars.mcp.server", server.to_string());
        span.server(declared.url.host(), declared.url.port());
        let (secret, told) = (self.secret(declared)?, span.told(generation.document(), &declared.url));
        let way = Way { upstream: &self.upstream, generation, server: declared, secret: secret.as_ref(), told };
        let patience = Duration::from_secs(declared.timeout_seconds.into());
        let known = self.known(generation, server).await;
        known.remote.ask(&way, "tools/call", Some(Params { name: tool, arguments }), patience).await
    }

    /// What a server offers, asked for where what is known is too old.
    async fn offer(&self, generation: &Generation, name: &Name) -> Result<Offer, Refusal> {
        let known = self.known(generation, name).await;
        let mut held = known.offer.lock().await;
        match &*held {
            Some(Ok(offer)) if offer.at.elapsed() < FRESH => return Ok(offer.clone()),
            Some(Err((refusal, at))) if at.elapsed() < PAUSE => return Err(refusal.clone()),
            _ => (),
        }
        let server = declared(generation, name)?;
        let secret = self.secret(server)?;
        let way = Way { upstream: &self.upstream, generation, server, secret: secret.as_ref(), told: None };
        let asked = match offer(&known.remote, &way).await {
            Ok(offer) => self.pinned(generation, name, offer),
            Err(refusal) => Err(refusal),
        };
        *held = Some(asked.clone().map_err(|refusal| (refusal, Instant::now())));
        asked
    }

    /// Sets tools aside whose description is not what it was.
    fn pinned(&self, generation: &Generation, server: &Name, mut offer: Offer) -> Result<Offer, Refusal> {
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "descriptions of tools cannot be remembered");
            Refusal::new(
                ErrorCode::PolicyUnavailable,
                "descriptions of tools cannot be remembered, so none are trusted",
            )
        };
        let mut pins = Pins::open(&self.state, &generation.loaded.digest).map_err(failed)?;
        let mut changed = Vec::new();
        for (tool, description) in &offer.tools {
            if !pins.holds(server, tool, &fingerprint(description)).map_err(failed)? {
                changed.push(tool.clone());
            }
        }
        for tool in changed {
            tracing::error!(server = server.as_str(), tool, "the description of a tool has changed; it is set aside");
            let refusal = Refusal::new(ErrorCode::PolicyDenied, "its description has changed");
            self.gate.refused(Kind::Mcp, format!("mcp.{server}.{tool}"), &refusal);
            offer.tools.remove(&tool);
        }
        Ok(offer)
    }

    async fn known(&self, generation: &Generation, name: &Name) -> Arc<Known> {
        let mut servers = self.servers.lock().await;
        if servers.generation != generation.number {
            *servers = Servers { generation: generation.number, by_name: BTreeMap::new() };
        }
        Arc::clone(servers.by_name.entry(name.clone()).or_default())
    }

    fn secret(&self, server: &McpServer) -> Result<Option<Secret>, Refusal> {
        match &server.credential {
            None => Ok(None),
            Some(Credential::Secret(reference)) => self.credentials.read(reference).map(Some),
            Some(Credential::WorkloadIdentity { .. } | Credential::ManagedIdentity {}) => {
                Err(upstream_failed(server, "is shown a `secret` or nothing"))
            }
        }
    }
}

/// A client that takes only one form of answer would wait for ever on the other.
fn accepts(headers: &HeaderMap) -> Result<(), Refusal> {
    let accepted: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let takes = |kind: &str, family: &str| {
        accepted.iter().flat_map(|list| list.split(',')).any(|one| {
            let one = one.split(';').next().unwrap_or_default().trim();
            one == kind || one == family || one == "*/*"
        })
    };
    if takes("application/json", "application/*") && takes("text/event-stream", "text/*") {
        return Ok(());
    }
    let message = "`accept` must name `application/json` and `text/event-stream`";
    Err(Refusal::new(ErrorCode::ArgsWrong, message))
}

fn server_named<'d>(name: &HeaderValue, document: &'d RouterDocument) -> Result<&'d Name, Refusal> {
    let text = name.to_str().unwrap_or_default();
    let found = document.mcp.keys().find(|known| known.as_str() == text);
    found.ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        Refusal::new(ErrorCode::McpServerUnknown, format!("the agent has no MCP server `{}`", shown.escape_debug()))
    })
}

/// The server and the tool that a joint name means.
fn joint<'d, 'n>(document: &'d RouterDocument, name: &'n str) -> Result<(&'d Name, &'n str), Refusal> {
    let (prefix, tool) = name.split_once('.').unwrap_or((name, ""));
    let server = document.mcp.keys().find(|server| server.as_str().replace('-', "_") == prefix);
    server.map(|server| (server, tool)).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        Refusal::new(ErrorCode::McpServerUnknown, format!("`{}` is a tool of no MCP server", shown.escape_debug()))
    })
}

fn declared<'g>(generation: &'g Generation, name: &Name) -> Result<&'g McpServer, Refusal> {
    let server = generation.document().mcp.get(name);
    server.ok_or_else(|| Refusal::new(ErrorCode::McpServerUnknown, format!("the agent has no MCP server `{name}`")))
}

/// A description under another name; every other byte of a value stays.
fn renamed(tool: &RawValue, name: &str) -> Option<Box<RawValue>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(tool.get()).ok()?;
    fields.insert("name".to_owned(), serde_json::value::to_raw_value(name).ok()?);
    serde_json::value::to_raw_value(&fields).ok()
}

fn outcome(answered: &Result<message::Answer, Refusal>) -> Called {
    match answered {
        Ok(answer) if answer.result.is_some() => Called::Answered,
        Ok(_) => Called::Error,
        Err(refusal) if refusal.status().is_server_error() => Called::Failed,
        Err(_) => Called::Refused,
    }
}

/// A refusal as a tool's result, which models read, and not as a fault of the protocol, which they never see.
fn refused(id: &RawValue, refusal: &Refusal) -> Vec<u8> {
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

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    reply(status, "application/json", body)
}

/// A server that does not do what it should.
pub(super) fn upstream_failed(server: &McpServer, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the MCP server at `{}` {problem}", server.url.host()))
}

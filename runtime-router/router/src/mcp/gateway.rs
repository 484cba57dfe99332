//! `POST /mcp`: one server by name, or all of them as one. Not here: the servers themselves (`remote`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::body::Incoming as IncomingBody;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode};
use kars_contract::Name;
use kars_contract::agent_api::{ErrorCode, MCP_SERVER_HEADER};
use kars_contract::permits::{self, Arguments};
use kars_contract::router::{Credential, McpServer, RouterDocument};
use kars_kit::clock::now;
use kars_kit::http::Body;
use opentelemetry::trace::SpanContext;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::catalog::{FRESH, Offer, PAUSE, fingerprint, joint_name, offer};
use super::message;
use super::pins::Pins;
use super::remote::{Remote, Way};
use super::server::{self, Call, Message};
use crate::api::body::read;
use crate::credentials::{Credentials, Secret};
use crate::dial::Dial;
use crate::gate::Gate;
use crate::inference::upstream::Upstream;
use crate::metrics::{Called, Kind};
use crate::policy::Generation;
use crate::refusal::Refusal;
use crate::trace::{Span, parent};

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

/// A call, as it is sent on.
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
    pub async fn answer(&self, mut request: Box<Request<IncomingBody>>) -> Result<Response<Body>, Refusal> {
        if let Some(response) = server::not_acceptable(request.headers()) {
            return Ok(response);
        }
        let (picked, parent) = (request.headers().get(MCP_SERVER_HEADER).cloned(), parent(request.headers()));
        let bytes = read(request.body_mut(), server::LARGEST).await?;
        let generation = self.gate.current().in_force(now())?;
        let only = picked.map(|name| server_named(&name, generation.document())).transpose()?;
        let asked = Asked { generation: &generation, only, parent };
        let answer = match server::read(&bytes) {
            Message::Answered(response) => return Ok(response),
            Message::List(id) => self.list(&asked, id).await,
            Message::Call(id, call) => self.call(&asked, id, &call).await,
        };
        Ok(server::json(StatusCode::OK, answer))
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

    async fn call(&self, asked: &Asked<'_>, id: &RawValue, call: &Call) -> Vec<u8> {
        let began = Instant::now();
        let mut span = self.gate.tracer().begin("tools/call", &asked.parent);
        span.set("mcp.method.name", "tools/call");
        span.set("gen_ai.operation.name", "execute_tool");
        let answered = self.called(asked, &call.name, &call.arguments, &mut span).await;
        match &answered {
            Ok(answer) if answer.result.is_none() => span.failed("error"),
            Ok(_) => (),
            Err(refusal) => span.failed(refusal.code().as_str()),
        }
        let document = asked.generation.document();
        let server = asked.only.or_else(|| joint(document, &call.name).ok().map(|(server, _)| server));
        self.gate.metrics().called(server, outcome(&answered), began.elapsed());
        match answered {
            Ok(answer) => match (answer.result, answer.error) {
                (Some(result), _) => message::result(Some(id), result),
                (None, Some(error)) => message::foreign_error(Some(id), &error),
                (None, None) => message::error(Some(id), message::FAULT, "the server answered nothing", None),
            },
            Err(refusal) => {
                self.gate.metrics().refused(Kind::Mcp, refusal.code());
                server::refused(id, &refusal)
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
        tokio::select! {
            answer = known.remote.ask(&way, "tools/call", Some(Params { name: tool, arguments }), patience) => answer,
            () = permit.revoked(self.gate.current().clone(), &request) => {
                Err(Refusal::new(ErrorCode::PolicyDenied, format!("`{tool}` of the MCP server `{server}` is no longer allowed")))
            }
        }
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
        Err(refusal) => Called::without(refusal),
    }
}

/// A server that does not do what it should.
pub(super) fn upstream_failed(server: &McpServer, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the MCP server at `{}` {problem}", server.url.host()))
}

//! One MCP server, as a client sees it: handshake, session, requests, answers as JSON or as a stream. Not here: what is asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::McpServer;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::message::{Answer, LATEST, Outgoing, VERSIONS};
use crate::credentials::Secret;
use crate::dial::Dial;
use crate::inference::sse::Events;
use crate::inference::upstream::Upstream;
use crate::policy::Generation;
use crate::refusal::Refusal;
use crate::trace::TRACEPARENT;

/// The header of a session.
pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header of the version that was agreed on.
pub const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Bytes of an answer.
const LARGEST: usize = 32 * 1024 * 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A server, and the session with it.
#[derive(Debug, Default)]
pub struct Remote {
    session: Mutex<Option<Session>>,
    ids: AtomicU64,
}

/// What a handshake agreed on.
#[derive(Clone, Debug)]
struct Session {
    id: Option<HeaderValue>,
    version: HeaderValue,
}

/// How a server is reached.
pub struct Way<'a, D> {
    /// Over these connections.
    pub upstream: &'a Upstream<D>,
    /// By this generation.
    pub generation: &'a Generation,
    /// Where it is.
    pub server: &'a McpServer,
    /// What it is shown.
    pub secret: Option<&'a Secret>,
    /// The span that asks, as far as the server is told.
    pub told: Option<HeaderValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    protocol_version: &'static str,
    capabilities: Empty,
    client_info: Info,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Info {
    name: &'static str,
    version: &'static str,
}

impl Remote {
    /// Asks a server, after a handshake where there is no session. One that the server has forgotten is begun anew, once.
    pub async fn ask<D: Dial>(
        &self,
        way: &Way<'_, D>,
        method: &str,
        params: Option<impl Serialize + Copy>,
        patience: Duration,
    ) -> Result<Answer, Refusal> {
        for retry in [false, true] {
            let session = self.session(way).await?;
            let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
            let body = Outgoing::request(id, method, params);
            let (status, _, answer) = exchange(way, Some(&session), body, Some(id), patience).await?;
            if status == StatusCode::NOT_FOUND && session.id.is_some() && !retry {
                *self.session.lock().await = None;
                continue;
            }
            return answer.ok_or_else(|| failed(way.server, &format!("answers {}", status.as_u16())));
        }
        Err(failed(way.server, "forgets every session"))
    }

    async fn session<D: Dial>(&self, way: &Way<'_, D>) -> Result<Session, Refusal> {
        let mut held = self.session.lock().await;
        if let Some(session) = &*held {
            return Ok(session.clone());
        }
        let hello = Hello {
            protocol_version: LATEST,
            capabilities: Empty {},
            client_info: Info { name: "kars-router", version: env!("CARGO_PKG_VERSION") },
        };
        let body = Outgoing::request(0, "initialize", Some(hello));
        let (status, headers, answer) = exchange(way, None, body, Some(0), HANDSHAKE).await?;
        let result = answer.and_then(|answer| answer.result);
        let result =
            result.ok_or_else(|| failed(way.server, &format!("refuses the handshake with {}", status.as_u16())))?;
        let session = Session { id: headers.get(SESSION).cloned(), version: agreed(result.get(), way.server)? };
        let ready = Outgoing::<()>::notification("notifications/initialized");
        exchange(way, Some(&session), ready, None, HANDSHAKE).await?;
        *held = Some(session.clone());
        Ok(session)
    }
}

/// The version that a server speaks, if it is one that is known.
fn agreed(result: &str, server: &McpServer) -> Result<HeaderValue, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Welcome {
        protocol_version: String,
    }
    let welcome: Welcome = serde_json::from_str(result).map_err(|_| failed(server, "greets without a version"))?;
    let known = VERSIONS.iter().find(|version| **version == welcome.protocol_version);
    known.map(|version| HeaderValue::from_static(version)).ok_or_else(|| failed(server, "speaks an unknown version"))
}

/// Sends one message. Returns the status, the headers, and the answer that bears the id.
async fn exchange<D: Dial>(
    way: &Way<'_, D>,
    session: Option<&Session>,
    body: Vec<u8>,
    id: Option<u64>,
    patience: Duration,
) -> Result<(StatusCode, HeaderMap, Option<Answer>), Refusal> {
    let late = || {
        Refusal::new(
            ErrorCode::UpstreamTimeout,
            format!("the MCP server at `{}` takes too long", way.server.url.host()),
        )
    };
    timeout(patience, async {
        let sent = way.upstream.send(&way.server.url, way.generation, request(way, session, body)?, patience).await?;
        let (head, mut body) = sent.into_parts();
        let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_stream = kind.starts_with("text/event-stream");
        let (mut events, mut whole, mut found, mut size) = (Events::default(), Vec::new(), None, 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| failed(way.server, "broke its answer off"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            size += bytes.len();
            if size > LARGEST {
                return Err(failed(way.server, &format!("sends more than {LARGEST} bytes")));
            }
            if is_stream {
                events.feed(&bytes, |event| found = found.take().or_else(|| answer(event, id)));
            } else {
                whole.extend_from_slice(&bytes);
            }
            if found.is_some() {
                // A stream may stay open for what the server has to say later; nobody here listens to that.
                return Ok((head.status, head.headers, found));
            }
        }
        body.give_back();
        Ok((head.status, head.headers, answer(&whole, id)))
    })
    .await
    .map_err(|_| late())?
}

fn answer(text: &[u8], id: Option<u64>) -> Option<Answer> {
    let answer: Answer = serde_json::from_slice(text).ok()?;
    (answer.id == id && id.is_some() && (answer.result.is_some() || answer.error.is_some())).then_some(answer)
}

fn request<D>(way: &Way<'_, D>, session: Option<&Session>, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Refusal> {
    let url = &way.server.url;
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(&url.authority()).expect("the host of an endpoint is plain"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(session) = session {
        headers.insert(VERSION, session.version.clone());
        headers.extend(session.id.clone().map(|id| (SESSION, id)));
    }
    headers.extend(way.told.clone().map(|told| (HeaderName::from_static(TRACEPARENT), told)));
    if let Some(secret) = way.secret {
        let value = HeaderValue::from_str(&format!("Bearer {}", secret.reveal()));
        let mut value = value.map_err(|_| failed(way.server, "has a credential that no header takes"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let path = if url.path().is_empty() { "/" } else { url.path() };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().expect("the path of an endpoint is plain");
    *request.headers_mut() = headers;
    Ok(request)
}

fn failed(server: &McpServer, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the MCP server at `{}` {problem}", server.url.host()))
}

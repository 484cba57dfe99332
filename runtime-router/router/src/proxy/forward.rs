//! Plain HTTP, request by request: each is decided, opened and sent by itself, however many share the agent's connection.
//!
//! What goes out is written anew, so nothing of the agent's framing reaches a host. Upgrades are not forwarded: WebSockets take
//! `CONNECT`. Not here: reading heads strictly (`head`, `framing`).

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Limits;
use kars_contract::{Hostname, Port};
use kars_kit::http::{Answer, Body, Ceilings, connection};
use tokio::net::TcpStream;

use super::Proxy;
use super::framed::Framed;
use super::framing::Framing;
use super::original::original_port;
use super::watched::{Pulse, Watched};
use crate::connect::authority;
use crate::connect::exchange::exchange;
use crate::held::held;
use crate::metrics::{Direction, Kind};
use crate::refusal::{Refusal, shown};
use crate::trace::parent;

/// Headers that speak of one connection, and go no further.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Forwards the requests of one connection.
struct Forward {
    proxy: Arc<Proxy>,
    /// The port that the connection was meant for; absent where it was meant for the proxy.
    original: Option<Port>,
    kind: Kind,
}

/// Serves a connection that begins with these bytes.
pub(super) async fn serve(proxy: Arc<Proxy>, stream: TcpStream, first: BytesMut, limits: &Limits) {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let ceilings = Ceilings {
        header_bytes: size(limits.header_bytes),
        header_count: size(limits.header_count),
        header_time: Duration::from_secs(limits.header_seconds),
        connections: 1,
    };
    let original = original_port(&stream);
    let kind = if original.is_some() { Kind::TransparentHttp } else { Kind::Http };
    let idle = Duration::from_secs(limits.tunnel_idle_seconds);
    let stream = Framed::new(stream, first, Framing::new(*limits), proxy.gate.clone(), kind, idle);
    let tasks = proxy.tasks.clone();
    connection(stream, ceilings, &tasks, Arc::new(Forward { proxy, original, kind })).await;
}

impl Answer for Forward {
    async fn answer(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        let kind = self.kind;
        let answered = match self.target(&request) {
            Ok((host, port)) => self.forward(kind, host, port, request).await,
            Err(refusal) => {
                self.proxy.gate.refused(kind, shown(&request.uri().to_string()), &refusal);
                Err(refusal)
            }
        };
        answered.unwrap_or_else(|refusal| {
            self.proxy.gate.metrics().refused(kind, refusal.code());
            let mut response = refusal.into_response();
            // What is left of a refused request is not worth reading.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        })
    }

    fn failed(&self) -> Response<Body> {
        tracing::error!("a forwarded request ended in a panic");
        Refusal::new(ErrorCode::RouterFailed, "the router could not finish the request").into_response()
    }
}

impl Forward {
    /// The host and port that a request is for.
    fn target(&self, request: &Request<Incoming>) -> Result<(Hostname, Port), Refusal> {
        let wrong = |problem: &str| Err(Refusal::new(ErrorCode::ArgsWrong, problem));
        let (uri, headers) = (request.uri(), request.headers());
        if request.method() == Method::CONNECT {
            return wrong("a request for a tunnel comes first on a connection of its own");
        }
        let host = only_host(headers, request.version())?;
        let (scheme, named) = (uri.scheme_str(), uri.authority().map(hyper::http::uri::Authority::as_str));
        match (scheme, named, self.original, host) {
            (Some("http"), Some(named), ..) => authority::of_url(named, false),
            (Some("https"), ..) => {
                wrong("a proxy cannot speak TLS for its client; ask for a tunnel by `CONNECT`, or use `/egress/fetch`")
            }
            (Some(_), ..) => wrong("only `http://` can be forwarded"),
            (None, None, Some(port), Some(host)) if uri.path().starts_with('/') => match authority::parse(host)? {
                (host, None) => Ok((host, port)),
                (host, Some(named)) if named == port => Ok((host, port)),
                (_, Some(_)) => wrong("the `host` header names another port than the connection was made to"),
            },
            _ => wrong("a request to a proxy names its host: `GET http://host/path`"),
        }
    }

    async fn forward(
        &self,
        kind: Kind,
        host: Hostname,
        port: Port,
        request: Box<Request<Incoming>>,
    ) -> Result<Response<Body>, Refusal> {
        let proxy = &self.proxy;
        let (passage, stream, span) = proxy.open(kind, host, port, &parent(request.headers())).await?;
        let lasting = (proxy.gate.metrics().lasting(kind), span);
        let idle = Duration::from_secs(passage.limits().tunnel_idle_seconds);
        let (head, body) = request.into_parts();
        let named =
            if port == kars_contract::settings::HTTP_PORT { passage.host().to_string() } else { passage.to_string() };
        let (gate, pulse) = (&proxy.gate, Pulse::new());
        let mut out = Request::new(Watched::new(body, Direction::Up, gate.clone(), passage.clone(), pulse.clone()));
        *out.method_mut() = head.method.clone();
        *out.uri_mut() = origin_form(&head.uri);
        *out.headers_mut() = end_to_end(&head.headers);
        out.headers_mut().insert(HOST, HeaderValue::try_from(named).expect("a host name is a header value"));
        let failed = |code, problem: &str| Refusal::new(code, format!("`{passage}` {problem}"));
        // A long upload is no reason to give up; standing still is.
        let answered = tokio::select! {
            answered = exchange(stream, out, &proxy.tasks) => answered.map_err(|error| {
                failed(ErrorCode::UpstreamFailed, &format!("broke the connection: {error}"))
            }),
            () = pulse.stopped(idle) => Err(failed(ErrorCode::UpstreamTimeout, "does not answer in time")),
            () = passage.revoked(gate.current().clone()) => {
                Err(failed(ErrorCode::EgressDenied, "is no longer allowed"))
            }
        };
        let answered = answered.map_err(|refusal| gate.undone(kind, &passage, passage.name().permit(), refusal))?;
        pulse.beat();
        let watched = |body| Watched::new(body, Direction::Down, gate.clone(), passage, pulse);
        Ok(response(&head.method, answered, watched).map(|body| held(body, lasting)))
    }
}

/// What is passed on of an answer. Where no body comes, its length is still told.
fn response(asked: &Method, answer: Response<Incoming>, watched: impl FnOnce(Incoming) -> Watched) -> Response<Body> {
    let (head, body) = answer.into_parts();
    let mut response = Response::new(watched(body).boxed_unsync());
    *response.status_mut() = head.status;
    *response.headers_mut() = end_to_end(&head.headers);
    if (asked == Method::HEAD || head.status == StatusCode::NOT_MODIFIED)
        && let Some(length) = head.headers.get(CONTENT_LENGTH)
    {
        response.headers_mut().insert(CONTENT_LENGTH, length.clone());
    }
    response
}

/// The one `host` header; a request of HTTP/1.0 may have none.
fn only_host(headers: &HeaderMap, version: Version) -> Result<Option<&str>, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Ok(Some(host.to_str().unwrap_or_default())),
        (None, _) if version == Version::HTTP_10 => Ok(None),
        _ => Err(Refusal::new(ErrorCode::ArgsWrong, "a request names one host")),
    }
}

fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    path.map_or_else(|| Uri::from_static("/"), Uri::from)
}

/// The headers that are meant for the other end. `Connection` can name more to keep back, but none that frames or routes.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let kept =
        |name: &str| !HOP_BY_HOP.contains(&name) && name != EXPECT.as_str() && !named.iter().any(|other| other == name);
    // The body knows its own length, and it is written anew.
    headers
        .iter()
        .filter(|(name, _)| *name != CONTENT_LENGTH && *name != HOST && kept(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_of_one_connection_goes_no_further() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-mine, host"),
            ("connection", "close"),
            ("x-mine", "1"),
            ("proxy-authorization", "Basic x"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("accept", "a"),
            ("accept", "b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let kept = end_to_end(&headers);
        let kept: Vec<(&str, &str)> =
            kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(kept, [("accept", "a"), ("accept", "b")]);
    }
}

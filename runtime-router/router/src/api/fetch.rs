//! `POST /egress/fetch`: one HTTP request, made by the router for an agent that speaks no TLS of its own.
//!
//! A redirect is shown, not followed; nothing is decoded. Not here: reading the URL (`connect::url`).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::agent_api::fetch::{FetchMethod, FetchReply, FetchRequest};
use kars_contract::settings;
use kars_kit::http::{Body, reply};
use kars_kit::serve::Tasks;
use tokio::time::timeout;

use super::{JSON, body};
use crate::connect::exchange::exchange;
use crate::connect::tls::Tls;
use crate::connect::url::Url;
use crate::connect::{Connector, Destination};
use crate::gate::{Gate, Passage};
use crate::metrics::{Ceiling, Direction, Kind};
use crate::refusal::{Refusal, shown};
use crate::trace::parent;

/// Bytes of a request to fetch: its body is text in JSON.
const LARGEST: usize = 10 * 1024 * 1024;
/// Headers of the connection or of a proxy, which are not the agent's to set.
const NOT_SET: [&str; 9] =
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
/// Headers of an answer that carry credentials.
const NOT_SHOWN: [&str; 5] = ["set-cookie", "authorization", "x-api-key", "x-auth-token", "www-authenticate"];

/// What is needed to fetch.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// Opens connections.
    pub connector: Connector,
    /// Speaks TLS.
    pub tls: Tls,
    /// Where connections are driven.
    pub tasks: Tasks,
}

pub(super) async fn answer(
    gate: &Gate,
    fetcher: &Fetcher,
    mut request: Box<Request<Incoming>>,
) -> Result<Response<Body>, Refusal> {
    let parent = parent(request.headers());
    let bytes = body::read(request.body_mut(), LARGEST).await?;
    let FetchRequest { url: text, method, headers, body } = body::json(&bytes)?;
    let url = Url::parse(&text).inspect_err(|refusal| {
        gate.refused(Kind::Fetch, shown(&text), refusal);
    })?;
    let out = request_for(&url, method, &headers, body.unwrap_or_default())?;
    let passage = gate.egress(Kind::Fetch, url.host.clone(), url.port)?;
    let _lasting = gate.metrics().lasting(Kind::Fetch);
    let mut span = gate.tracer().egress(Kind::Fetch, &passage, &parent);
    let (within, most) = (passage.limits().fetch_seconds, passage.limits().fetch_bytes);
    let outcome = tokio::select! {
        outcome = timeout(Duration::from_secs(within), fetch(fetcher, &url, &passage, out, most)) => outcome,
        () = passage.revoked(gate.current().clone()) => {
            Ok(Err(Refusal::new(ErrorCode::EgressDenied, format!("`{passage}` is no longer allowed"))))
        }
    };
    let outcome = outcome.unwrap_or_else(|_| {
        Err(Refusal::new(ErrorCode::UpstreamTimeout, format!("`{passage}` does not answer within {within} seconds")))
    });
    let answer = outcome.map_err(|refusal| {
        span.failed(refusal.code().as_str());
        if matches!(refusal.code(), ErrorCode::EgressTooLarge | ErrorCode::UpstreamTimeout) {
            gate.metrics().reached(Ceiling::Fetch);
        }
        gate.undone(Kind::Fetch, &passage, passage.name().permit(), refusal)
    })?;
    gate.metrics().moved(Direction::Down, u64::try_from(answer.body.len()).unwrap_or(u64::MAX));
    Ok(reply(StatusCode::OK, JSON, serde_json::to_vec(&answer).expect("its keys are text")))
}

fn request_for(
    url: &Url,
    method: FetchMethod,
    headers: &BTreeMap<String, String>,
    body: String,
) -> Result<Request<Full<Bytes>>, Refusal> {
    let mut out = Request::new(Full::new(Bytes::from(body)));
    *out.method_mut() = match method {
        FetchMethod::Get => Method::GET,
        FetchMethod::Head => Method::HEAD,
        FetchMethod::Post => Method::POST,
        FetchMethod::Put => Method::PUT,
        FetchMethod::Patch => Method::PATCH,
        FetchMethod::Delete => Method::DELETE,
    };
    *out.uri_mut() = url.path.clone();
    let usual = if url.tls { settings::HTTPS_PORT } else { settings::HTTP_PORT };
    let host = if url.port == usual { url.host.to_string() } else { format!("{}:{}", url.host, url.port) };
    out.headers_mut().insert(HOST, HeaderValue::try_from(host).expect("a host name is a header value"));
    for (name, value) in headers {
        let wrong = |problem: &str| Refusal::new(ErrorCode::ArgsWrong, format!("header `{}` {problem}", shown(name)));
        let parsed = HeaderName::try_from(name.as_str()).map_err(|_| wrong("has no name of a header"))?;
        if NOT_SET.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
            return Err(wrong("speaks of the connection or of a proxy, which is the router's"));
        }
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| wrong("has a value that cannot be sent"))?;
        if out.headers_mut().insert(parsed, value).is_some() {
            return Err(wrong("is set twice"));
        }
    }
    out.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static("kars-router"));
    Ok(out)
}

async fn fetch(
    fetcher: &Fetcher,
    url: &Url,
    passage: &Passage,
    out: Request<Full<Bytes>>,
    most: u64,
) -> Result<FetchReply, Refusal> {
    let stream = fetcher.connector.connect(&Destination::public(passage)).await?;
    let failed = |code, error: &dyn std::fmt::Display| Refusal::new(code, format!("`{passage}` failed: {error}"));
    let response = if url.tls {
        let stream = fetcher.tls.connect(&url.host, stream).await;
        let stream = stream.map_err(|error| failed(ErrorCode::EgressUnreachable, &error))?;
        exchange(stream, out, &fetcher.tasks).await
    } else {
        exchange(stream, out, &fetcher.tasks).await
    };
    let (head, body) = response.map_err(|error| failed(ErrorCode::UpstreamFailed, &error))?.into_parts();
    let body = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Refusal::new(ErrorCode::EgressTooLarge, format!("`{passage}` answers with more than {most} bytes"));
        }
        failed(ErrorCode::UpstreamFailed, &error)
    })?;
    Ok(FetchReply {
        status: head.status.as_u16(),
        headers: without_credentials(&head.headers),
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}

/// The headers of an answer without credentials; those that come several times are joined.
fn without_credentials(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    let wanted = |name: &str| !NOT_SHOWN.contains(&name) && !name.starts_with("proxy-");
    for (name, value) in headers.iter().filter(|(name, _)| wanted(name.as_str())) {
        let value = String::from_utf8_lossy(value.as_bytes());
        shown
            .entry(name.to_string())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_answer_are_not_shown() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("set-cookie", "a"), ("proxy-authenticate", "b"), ("x-api-key", "c"), ("vary", "d"), ("vary", "e")]
        {
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(without_credentials(&headers), BTreeMap::from([("vary".to_owned(), "d, e".to_owned())]));
    }
}

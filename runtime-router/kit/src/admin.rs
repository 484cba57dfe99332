//! The pages of probes and metrics. Nothing here changes anything, and nothing here is a secret. Not here: what is ready.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Response, StatusCode};
use kars_contract::settings::{LIVEZ, METRICS, READYZ};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::Value;

use crate::http::{Body, reply};

/// The type of OpenMetrics' text form.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Whether a program serves, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Whether it serves.
    pub ready: bool,
    /// What it serves, or why it does not.
    pub state: Value,
}

/// Answers a probe or a scrape; `None` for any other path.
pub fn page(
    method: &Method,
    path: &str,
    readiness: impl FnOnce() -> Readiness,
    metrics: &Registry,
) -> Option<Response<Body>> {
    if ![LIVEZ, READYZ, METRICS].contains(&path) {
        return None;
    }
    if method != Method::GET && method != Method::HEAD {
        return Some(only_get());
    }
    Some(match path {
        LIVEZ => reply(StatusCode::OK, TEXT, "ok\n"),
        READYZ => {
            let Readiness { ready, state } = readiness();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            reply(status, JSON, format!("{state}\n"))
        }
        _ => scraped(metrics),
    })
}

/// The answer to a method that no page has.
#[must_use]
pub fn only_get() -> Response<Body> {
    let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn scraped(metrics: &Registry) -> Response<Body> {
    let mut text = String::new();
    match encode(&mut text, metrics) {
        Ok(()) => reply(StatusCode::OK, OPEN_METRICS, text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "metrics cannot be written\n")
        }
    }
}

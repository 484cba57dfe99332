//! What a provider's refusal means for a call. It is quoted shortly, and never taken for a result. Not here: refusals of our own.

use hyper::StatusCode;
use hyper::header::HeaderMap;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Route;
use serde::Deserialize;

use crate::inference::upstream::retry_after;
use crate::refusal::{Refusal, shown};

#[derive(Deserialize)]
struct Answer {
    error: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    message: Option<String>,
    code: Option<String>,
}

/// The refusal that an answer without success comes to.
pub(super) fn of(route: &Route, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let host = route.endpoint.host();
    let (status, said) = (status.as_u16(), said(body));
    match status {
        401 | 403 => Refusal::new(
            ErrorCode::UpstreamDenied,
            format!("`{host}` does not take the router's credential ({status})"),
        ),
        408 | 504 => Refusal::new(ErrorCode::UpstreamTimeout, format!("`{host}` answers {status}{said}")),
        429 | 503 => {
            let refusal = Refusal::new(ErrorCode::UpstreamUnavailable, format!("`{host}` answers {status}{said}"));
            match retry_after(headers) {
                Some(wait) => refusal.after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
                None => refusal,
            }
        }
        _ => Refusal::new(ErrorCode::UpstreamFailed, format!("`{host}` answers {status}{said}")),
    }
}

/// The refusal that an answer comes to which says itself that it is not complete.
pub(super) fn ended(route: &Route, how: &str, body: &[u8]) -> Refusal {
    let message = format!("`{}` ended its answer as `{}`{}", route.endpoint.host(), shown(how), said(body));
    Refusal::new(ErrorCode::UpstreamFailed, message)
}

/// The refusal that an answer comes to which cannot be read.
pub(super) fn unreadable(route: &Route, what: &str) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("`{}` answers {what} that cannot be read", route.endpoint.host()))
}

/// The provider's own words, shortly.
fn said(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.error);
    said.and_then(|detail| detail.message.or(detail.code)).map(|text| format!(": {}", shown(&text))).unwrap_or_default()
}

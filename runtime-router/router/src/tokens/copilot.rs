//! GitHub Copilot: a GitHub token for a short-lived one. Not here: the connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue};
use serde::Deserialize;

use super::token::{Moment, Token};
use crate::credentials::Secret;
use crate::inference::provider::EDITOR;

const PATH: &str = "/copilot_internal/v2/token";

/// What GitHub is asked.
pub(super) fn request(github: &Secret) -> Result<Request<Full<Bytes>>, InvalidHeaderValue> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = PATH.parse().expect("it is a path");
    // GitHub's own word; `Bearer` is for other kinds of token.
    let mut value = HeaderValue::from_str(&format!("token {}", github.reveal()))?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    request.headers_mut().extend(EDITOR);
    Ok(request)
}

/// What GitHub answers.
#[derive(Deserialize)]
struct Answer {
    token: String,
    /// Seconds since the start of 1970.
    expires_at: i64,
    /// In so many seconds another should be asked for.
    refresh_in: Option<u64>,
}

/// The token of an answer; none where it holds none that could be shown.
pub(super) fn token(body: &[u8], asked: Moment) -> Option<Token> {
    let Answer { token, expires_at, refresh_in } = serde_json::from_slice(body).ok()?;
    let lasts = u64::try_from(expires_at.checked_sub(asked.wall)?).ok()?;
    Token::new(Secret::shown(&token)?, asked, Duration::from_secs(lasts), refresh_in.map(Duration::from_secs))
}

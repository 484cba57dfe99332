//! Azure: tokens of Microsoft Entra, for the pod's service-account token or the node's identity. Not here: the connection.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use kars_contract::Guid;
use serde::Deserialize;

use super::token::{Moment, Token};
use crate::credentials::Secret;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
/// The kind of a token that a cluster has signed.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const NODE_PATH: &str = "/metadata/identity/oauth2/token";
const NODE_VERSION: &str = "2018-02-01";
/// Words by which Entra says what is wrong. Others are not repeated: its sentences may quote what it was shown.
const WORDS: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_resource",
    "unauthorized_client",
    "unsupported_grant_type",
    "interaction_required",
    "temporarily_unavailable",
];

/// What Entra is asked.
pub(super) fn of_entra(tenant: &Guid, client: &Guid, resource: &str, assertion: &Secret) -> Request<Full<Bytes>> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client.as_str())
        .append_pair("scope", &format!("{resource}/.default"))
        .append_pair("client_assertion_type", ASSERTION)
        .append_pair("client_assertion", assertion.reveal())
        .finish();
    let mut request = Request::new(Full::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("/{tenant}/oauth2/v2.0/token").parse().expect("a GUID is part of a path");
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    request
}

/// What the node is asked. The header shows that nobody was tricked into the request by an address.
pub(super) fn of_node(resource: &str) -> Request<Full<Bytes>> {
    let query = Serializer::new(String::new())
        .append_pair("api-version", NODE_VERSION)
        .append_pair("resource", resource)
        .finish();
    let mut request = Request::new(Full::default());
    *request.uri_mut() = format!("{NODE_PATH}?{query}").parse().expect("it is encoded");
    request.headers_mut().insert("metadata", HeaderValue::from_static("true"));
    request
}

/// What both answer. The node writes numbers as text.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// For so many seconds the token lasts.
    expires_in: Option<Number>,
    /// Until then, in seconds since the start of 1970.
    expires_on: Option<Number>,
    /// In so many seconds another should be asked for.
    refresh_in: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// The token of an answer; none where it holds none that could be shown. Of two ends the earlier counts.
pub(super) fn token(body: &[u8], asked: Moment) -> Option<Token> {
    let Answer { access_token, expires_in, expires_on, refresh_in } = serde_json::from_slice(body).ok()?;
    let number = |number: Option<Number>| number.and_then(|number| number.value());
    let until = number(expires_on).and_then(|on| i64::try_from(on).ok()).map(|on| on.saturating_sub(asked.wall));
    let lasts = number(expires_in).into_iter().chain(until.map(|left| u64::try_from(left).unwrap_or(0))).min()?;
    let renew = number(refresh_in).map(Duration::from_secs);
    Token::new(Secret::shown(&access_token)?, asked, Duration::from_secs(lasts), renew)
}

/// What an answer says is wrong, in words and numbers that hold no secret: `invalid_client, AADSTS70021`.
pub(super) fn problem(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
        #[serde(default)]
        error_codes: Vec<u32>,
    }
    let Refused { error, error_codes } = serde_json::from_slice(body).ok()?;
    let word = WORDS.contains(&error.as_str()).then_some(error);
    let codes = error_codes.iter().take(3).map(|code| format!("AADSTS{code}"));
    let parts: Vec<String> = word.into_iter().chain(codes).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_earlier_end_counts() {
        let asked = Moment { wall: 1000, steady: Instant::now() };
        let at = |seconds: u64| Moment {
            wall: 1000 + i64::try_from(seconds).unwrap(),
            steady: asked.steady + Duration::from_secs(seconds),
        };
        for (text, usable) in [
            (r#"{"access_token":"t","expires_in":3600}"#, 3570),
            (r#"{"access_token":"t","expires_in":"3600","expires_on":"4600"}"#, 3570),
            (r#"{"access_token":"t","expires_on":"1100"}"#, 70),
            (r#"{"access_token":"t","expires_in":"3600","expires_on":1100}"#, 70),
            (r#"{"access_token":"t","expires_in":"100","expires_on":"9999999999"}"#, 70),
        ] {
            let token = token(text.as_bytes(), asked).unwrap();
            assert!(token.is_usable(at(usable - 1)) && !token.is_usable(at(usable)), "{text}");
        }
        for text in [
            "",
            "[]",
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","expires_on":"900"}"#,
            r#"{"access_token":"","expires_in":3600}"#,
            r#"{"access_token":"a\nb","expires_in":3600}"#,
            r#"{"access_token":"t","expires_in":-1}"#,
            r#"{"access_token":"t","expires_in":"soon"}"#,
        ] {
            assert!(token(text.as_bytes(), asked).is_none(), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_told_without_what_it_quotes() {
        for (text, told) in [
            (
                r#"{"error":"invalid_client","error_description":"AADSTS70021: canary","error_codes":[70021]}"#,
                Some("invalid_client, AADSTS70021"),
            ),
            (r#"{"error":"canary","error_codes":[1]}"#, Some("AADSTS1")),
            (r#"{"error":"canary"}"#, None),
            ("canary", None),
        ] {
            assert_eq!(problem(text.as_bytes()).as_deref(), told, "{text}");
        }
    }
}

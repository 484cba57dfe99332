//! Which headers pass, in either direction. What is not on a list does not. Not here: what the router shows by itself.

use hyper::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER,
    USER_AGENT,
};
use kars_contract::agent_api::ErrorCode;

use crate::refusal::Refusal;

/// From a client to a provider.
const ASKED: [HeaderName; 7] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    USER_AGENT,
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("idempotency-key"),
];

/// From a provider to a client.
const ANSWERED: [HeaderName; 10] = [
    CONTENT_TYPE,
    CONTENT_LANGUAGE,
    CACHE_CONTROL,
    RETRY_AFTER,
    HeaderName::from_static("retry-after-ms"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("apim-request-id"),
    HeaderName::from_static("x-ms-request-id"),
    HeaderName::from_static("x-should-retry"),
];
/// How further names begin that pass from a provider.
const ANSWERED_PREFIXES: [&str; 5] =
    ["x-ratelimit-", "openai-", "anthropic-ratelimit-", "x-ms-region", "azureml-model-"];

/// Headers that there is room for from the beginning: those of most requests, with what the router adds.
const USUAL: usize = 8;

/// How a body may be coded in a request. The router has to read it.
const PLAIN: &str = "identity";

/// Refuses a body that the router could not read.
pub fn plain(from: &HeaderMap) -> Result<(), Refusal> {
    if let Some(coding) = from.get(hyper::header::CONTENT_ENCODING).filter(|coding| *coding != PLAIN) {
        let shown = coding.to_str().unwrap_or("unreadable");
        let message = format!("`content-encoding: {shown}` is not taken; send the body as it is");
        return Err(Refusal::new(ErrorCode::ArgsWrong, message));
    }
    Ok(())
}

/// The headers that go to a provider. What a client shows of itself stays here: it holds nothing that counts.
#[must_use]
pub fn asked(from: &HeaderMap) -> HeaderMap {
    kept(from, |name| ASKED.contains(name))
}

/// The headers that go to a client.
#[must_use]
pub fn answered(from: &HeaderMap) -> HeaderMap {
    let begins = |name: &HeaderName| ANSWERED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
    kept(from, |name| ANSWERED.contains(name) || begins(name))
}

fn kept(from: &HeaderMap, passes: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(USUAL);
    headers.extend(from.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())));
    headers
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(names: &[&'static str]) -> HeaderMap {
        names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("v"))).collect()
    }

    #[test]
    fn nothing_that_a_client_shows_of_itself_passes() {
        let shown = [
            "authorization",
            "api-key",
            "x-api-key",
            "x-goog-api-key",
            "cookie",
            "proxy-authorization",
            "x-ms-token",
            "openai-organization",
            "openai-project",
            "forwarded",
            "x-forwarded-for",
            "connection",
            "te",
            "upgrade",
            "x-kars-sandbox",
            "x-kars-admin",
            "host",
            "traceparent",
            "accept-encoding",
            "expect",
        ];
        assert!(asked(&headers(&shown)).is_empty());
        assert_eq!(asked(&headers(&["user-agent", "anthropic-version"])).len(), 2);
        assert!(plain(&headers(&["content-encoding"])).is_err());
    }

    #[test]
    fn what_tells_a_client_when_to_come_again_passes() {
        let told =
            ["retry-after", "x-ratelimit-remaining-tokens", "x-request-id", "content-type", "openai-processing-ms"];
        assert_eq!(answered(&headers(&told)).len(), told.len());
        let kept_back =
            ["set-cookie", "location", "alt-svc", "authorization", "api-key", "strict-transport-security", "server"];
        assert!(answered(&headers(&kept_back)).is_empty());
    }
}

//! Anthropic itself. Not here: its models at other providers.

use hyper::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

use super::{Shown, Ways, as_it_is, bearer, secret};
use crate::inference::api::Api;

pub(super) const WAYS: Ways = Ways { path, authorize, adapt: as_it_is };

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What the API is asked for where a client names no version: the only one there is.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("anthropic-version"), HeaderValue::from_static("2023-06-01"));

fn path(endpoint: &str, api: Api) -> Option<String> {
    let base = endpoint.strip_suffix("/v1").unwrap_or(endpoint);
    (api == Api::Messages).then(|| format!("{base}/v1/{}", api.path()))
}

fn authorize(shown: &Shown<'_>, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    let (name, value) = VERSION;
    headers.entry(name).or_insert(value);
    match shown {
        Shown::Key(key) => secret(headers, API_KEY, key),
        Shown::Token(_) => bearer(shown, headers),
    }
}

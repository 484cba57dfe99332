//! Azure `OpenAI`, by its API of version 1. Not here: Foundry, whose endpoints name a project.

use hyper::header::{HeaderMap, HeaderName, InvalidHeaderValue};

use super::{Shown, Ways, as_it_is, bearer, secret};
use crate::inference::api::Api;

/// Where a key is shown; a token is shown as a bearer's.
pub(super) const API_KEY: HeaderName = HeaderName::from_static("api-key");

pub(super) const WAYS: Ways = Ways { path, authorize, adapt: as_it_is };

fn path(endpoint: &str, api: Api) -> Option<String> {
    match api {
        Api::Messages => None,
        api => Some(format!("{endpoint}/openai/v1/{}", api.path())),
    }
}

pub(super) fn authorize(shown: &Shown<'_>, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    match shown {
        Shown::Key(key) => secret(headers, API_KEY, key),
        Shown::Token(_) => bearer(shown, headers),
    }
}

//! `OpenAI` itself, and whoever serves its API. Not here: Azure.

use super::{Ways, as_it_is, bearer};
use crate::inference::api::Api;

pub(super) const WAYS: Ways = Ways { path, authorize: bearer, adapt: as_it_is };

fn path(endpoint: &str, api: Api) -> Option<String> {
    let base = endpoint.strip_suffix("/v1").unwrap_or(endpoint);
    match api {
        Api::Messages => None,
        api => Some(format!("{base}/v1/{}", api.path())),
    }
}

//! GitHub Models: chat completions and embeddings below `/inference`. Not here: Copilot.

use super::{Ways, as_it_is, bearer};
use crate::inference::api::Api;

pub(super) const WAYS: Ways = Ways { path, authorize: bearer, adapt: as_it_is };

fn path(endpoint: &str, api: Api) -> Option<String> {
    let base = if endpoint.is_empty() { "/inference" } else { endpoint };
    match api {
        Api::ChatCompletions | Api::Embeddings => Some(format!("{base}/{}", api.path())),
        Api::Responses | Api::Completions | Api::Images | Api::Messages => None,
    }
}

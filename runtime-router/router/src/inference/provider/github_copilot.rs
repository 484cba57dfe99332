//! GitHub Copilot, as an editor speaks to it. Not here: the exchange of a GitHub token for one of Copilot's.

use hyper::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, USER_AGENT};

use super::{Shown, Ways, as_it_is, bearer};
use crate::inference::api::Api;

pub(super) const WAYS: Ways = Ways { path, authorize, adapt: as_it_is };

/// What an editor says of itself; without it Copilot answers 400.
pub(crate) const EDITOR: [(HeaderName, HeaderValue); 4] = [
    (HeaderName::from_static("editor-version"), HeaderValue::from_static("vscode/1.107.0")),
    (HeaderName::from_static("editor-plugin-version"), HeaderValue::from_static("copilot-chat/0.35.0")),
    (HeaderName::from_static("copilot-integration-id"), HeaderValue::from_static("vscode-chat")),
    (USER_AGENT, HeaderValue::from_static("GitHubCopilotChat/0.35.0")),
];

fn path(endpoint: &str, api: Api) -> Option<String> {
    match api {
        Api::Messages => Some(format!("{endpoint}/v1/{}", api.path())),
        Api::ChatCompletions | Api::Responses | Api::Embeddings => Some(format!("{endpoint}/{}", api.path())),
        Api::Completions | Api::Images => None,
    }
}

fn authorize(shown: &Shown<'_>, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    headers.extend(EDITOR);
    bearer(shown, headers)
}

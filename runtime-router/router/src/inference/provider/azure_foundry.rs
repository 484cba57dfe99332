//! Azure AI Foundry: a project's endpoint for text, the account's for images. Not here: Foundry's own tools.

use serde_json::value::RawValue;

use super::{Ways, azure_openai};
use crate::inference::api::Api;
use crate::inference::edit::Edits;
use crate::inference::question::Question;

pub(super) const WAYS: Ways = Ways { path, authorize: azure_openai::authorize, adapt };

/// What a client asks for that Foundry refuses, as it refuses the items that come of it.
const ENCRYPTED: &str = "\"reasoning.encrypted_content\"";

#[expect(clippy::unnecessary_wraps, reason = "every provider has this form, and others lack some API")]
fn path(endpoint: &str, api: Api) -> Option<String> {
    let account = endpoint.split("/api/projects/").next().unwrap_or_default();
    Some(match api {
        Api::Images => format!("{account}/openai/v1/{}", api.path()),
        Api::Messages => format!("{account}/anthropic/v1/{}", api.path()),
        _ => format!("{endpoint}/openai/v1/{}", api.path()),
    })
}

/// Reasoning that is sent back to it, Foundry refuses with an error from which clients do not recover: they send it again.
fn adapt<'a>(api: Api, question: &Question<'a>, edits: &mut Edits<'a>) {
    if api != Api::Responses {
        return;
    }
    let is_reasoning = |item: &RawValue| {
        #[derive(serde::Deserialize)]
        struct Item {
            #[serde(rename = "type")]
            kind: Option<String>,
        }
        item.get().starts_with('{')
            && serde_json::from_str(item.get()).is_ok_and(|Item { kind }| kind.as_deref() == Some("reasoning"))
    };
    let is_encrypted = |item: &RawValue| item.get() == ENCRYPTED;
    filter("input", question.input, is_reasoning, edits);
    filter("include", question.include, is_encrypted, edits);
}

/// Takes items out of a list, and leaves a list without any as it is.
fn filter<'a>(name: &str, list: Option<&'a RawValue>, unwanted: impl Fn(&RawValue) -> bool, edits: &mut Edits<'a>) {
    let Some(items) = list.and_then(|list| serde_json::from_str::<Vec<&RawValue>>(list.get()).ok()) else { return };
    let kept: Vec<&str> = items.iter().filter(|item| !unwanted(item)).map(|item| item.get()).collect();
    if kept.len() < items.len() {
        edits.set(name, list, format!("[{}]", kept.join(",")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_taken_out_and_nothing_else_changes() {
        let body = r#"{"input":[{"type":"message","content":"reasoning"}, {"id":"r","type" : "reasoning"},"reasoning",7],
            "include":["reasoning.encrypted_content","file_search_call.results"],"store":false}"#;
        let meant = r#"{"input":[{"type":"message","content":"reasoning"},"reasoning",7],
            "include":["file_search_call.results"],"store":false}"#;
        let adapted = |body: &str, api| {
            let question = Question::read(body).unwrap();
            let mut edits = Edits::of(body);
            adapt(api, &question, &mut edits);
            edits.apply()
        };
        assert_eq!(adapted(body, Api::Responses), meant);
        assert_eq!(adapted(meant, Api::Responses), meant);
        assert_eq!(adapted(body, Api::ChatCompletions), body);
        let text = r#"{"input":"one text","include":null}"#;
        assert_eq!(adapted(text, Api::Responses), text);
    }
}

//! Refusals in the form that a client's family reads. The code, the rule and what to do are the same in all of them.
//!
//! Not here: why.

use hyper::Response;
use kars_contract::agent_api::{ErrorCode, ErrorDetail};
use kars_kit::http::{Body, full};
use serde::Serialize;

use super::api::Family;
use crate::refusal::Refusal;

/// `OpenAI`'s form: its clients show `message`, and read `type` and `code`.
#[derive(Serialize)]
struct OpenAi<'a> {
    error: OpenAiDetail<'a>,
}

#[derive(Serialize)]
struct OpenAiDetail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    param: (),
    #[serde(flatten)]
    detail: &'a ErrorDetail,
}

/// Anthropic's form: its clients tell errors apart by `type`.
#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicDetail<'a>,
}

#[derive(Serialize)]
struct AnthropicDetail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    detail: &'a ErrorDetail,
}

/// The body of a refusal, as JSON.
#[must_use]
pub fn body(family: Family, refusal: &Refusal) -> Vec<u8> {
    let detail = &*refusal.detail;
    let written = match family {
        Family::OpenAi => {
            serde_json::to_vec(&OpenAi { error: OpenAiDetail { kind: openai(refusal.code()), param: (), detail } })
        }
        Family::Anthropic => serde_json::to_vec(&Anthropic {
            kind: "error",
            error: AnthropicDetail { kind: anthropic(refusal.code()), detail },
        }),
    };
    written.expect("its keys are text")
}

/// The answer to a request that is refused.
#[must_use]
pub fn response(family: Family, refusal: Refusal) -> Response<Body> {
    let text = body(family, &refusal);
    refusal.into_response().map(|_| full(text))
}

/// The last event of a stream that cannot go on.
#[must_use]
pub fn event(family: Family, refusal: &Refusal) -> Vec<u8> {
    let body = body(family, refusal);
    [b"event: error\ndata: ", body.as_slice(), b"\n\n"].concat()
}

fn openai(code: ErrorCode) -> &'static str {
    match code.status() {
        400 | 404 | 405 | 413 | 431 => "invalid_request_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        _ => "server_error",
    }
}

fn anthropic(code: ErrorCode) -> &'static str {
    match code.status() {
        400 | 405 | 431 => "invalid_request_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn both_families_read_what_happened() {
        let mut refusal = Refusal::new(ErrorCode::ModelNotAllowed, "`gpt-9` is refused");
        refusal.detail.rule = Some("agents.lead.model[main]".parse().unwrap());
        let read = |family| serde_json::from_slice::<Value>(&body(family, &refusal)).unwrap();
        assert_eq!(
            read(Family::OpenAi),
            json!({"error": {
                "type": "permission_error",
                "param": null,
                "code": "model.not_allowed",
                "message": "`gpt-9` is refused",
                "rule": "agents.lead.model[main]",
                "help": "`GET /v1/models` lists the models of this agent",
            }})
        );
        let anthropic = read(Family::Anthropic);
        assert_eq!((&anthropic["type"], &anthropic["error"]["type"]), (&json!("error"), &json!("permission_error")));
        let event = String::from_utf8(event(Family::OpenAi, &refusal)).unwrap();
        assert!(event.starts_with("event: error\ndata: {\"error\":{") && event.ends_with("}}\n\n"), "{event}");
    }
}

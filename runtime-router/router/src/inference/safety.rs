//! The safety floor: what a provider's filter found, held to what the scenario puts up with. Not here: filtering.

use std::sync::LazyLock;

use kars_contract::agent_api::ErrorCode;
use kars_contract::router::{Safety, Severity};
use memchr::memmem::Finder;
use serde::Deserialize;

use crate::refusal::Refusal;

/// Where a provider writes down what it found.
#[derive(Deserialize)]
struct Annotated {
    choices: Option<Vec<Part>>,
    prompt_filter_results: Option<Vec<Part>>,
    content_filters: Option<Vec<Part>>,
    response: Option<Nested>,
    error: Option<Failed>,
}

#[derive(Deserialize)]
struct Nested {
    content_filters: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(alias = "content_filter_result")]
    content_filter_results: Option<Found>,
}

#[derive(Deserialize)]
struct Failed {
    code: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    hate: Option<Category>,
    self_harm: Option<Category>,
    sexual: Option<Category>,
    violence: Option<Category>,
    jailbreak: Option<Attack>,
    indirect_attack: Option<Attack>,
}

#[derive(Deserialize)]
struct Category {
    severity: Option<Grade>,
    filtered: Option<bool>,
}

/// A grade that is not known is as bad as the worst.
#[derive(Clone, Copy, Deserialize)]
#[serde(from = "String")]
struct Grade(Severity);

impl From<String> for Grade {
    fn from(text: String) -> Self {
        Self(match text.as_str() {
            "safe" => Severity::Safe,
            "low" => Severity::Low,
            "medium" => Severity::Medium,
            _ => Severity::High,
        })
    }
}

#[derive(Deserialize)]
struct Attack {
    detected: Option<bool>,
    filtered: Option<bool>,
}

/// The marks of annotations; without any of them there is nothing to read.
static MARKS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| ["content_filter", "prompt_filter", "responsible_ai"].map(Finder::new));

/// Judges an answer, or one event of it. What holds no annotation passes.
pub fn judge(answer: &[u8], floor: &Safety) -> Result<(), Refusal> {
    if !MARKS.iter().any(|mark| mark.find(answer).is_some()) {
        return Ok(());
    }
    let annotated: Annotated = match serde_json::from_slice(answer) {
        Ok(annotated) => annotated,
        Err(error) if error.is_data() && answer.trim_ascii_start().starts_with(b"{") => {
            let message = "the provider's filter says something that the router cannot read";
            return Err(Refusal::new(ErrorCode::SafetyBlocked, message));
        }
        // What is no JSON object holds no annotation.
        Err(_) => return Ok(()),
    };
    let Annotated { choices, prompt_filter_results, content_filters, response, error } = annotated;
    let nested = response.and_then(|nested| nested.content_filters);
    let all = [choices, prompt_filter_results, content_filters, nested];
    for found in all.iter().flatten().flatten().filter_map(|part| part.content_filter_results.as_ref()) {
        judge_one(found, *floor)?;
    }
    let blocked = |code: &str| matches!(code, "content_filter" | "responsible_ai_policy_violation");
    if error.and_then(|error| error.code).is_some_and(|code| blocked(&code)) {
        return Err(Refusal::new(ErrorCode::SafetyBlocked, "the provider's filter blocked the request"));
    }
    Ok(())
}

fn judge_one(found: &Found, floor: Safety) -> Result<(), Refusal> {
    let Safety { prompt_shields, hate, self_harm, sexual, violence } = floor;
    let categories = [
        ("hate", &found.hate, hate),
        ("self-harm", &found.self_harm, self_harm),
        ("sexual", &found.sexual, sexual),
        ("violence", &found.violence, violence),
    ];
    for (name, category, most) in categories {
        let Some(Category { severity, filtered }) = category else { continue };
        if *filtered == Some(true) || severity.is_some_and(|Grade(severity)| severity > most) {
            let message = format!("the provider's filter found `{name}` beyond what the scenario allows");
            return Err(Refusal::new(ErrorCode::SafetyBlocked, message));
        }
    }
    for (name, attack) in [("jailbreak", &found.jailbreak), ("indirect attack", &found.indirect_attack)] {
        let counts =
            |attack: &Attack| attack.filtered == Some(true) || (prompt_shields && attack.detected == Some(true));
        if attack.as_ref().is_some_and(counts) {
            let message = format!("the provider's filter found an attack on the prompt: {name}");
            return Err(Refusal::new(ErrorCode::SafetyBlocked, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FLOOR: Safety = Safety {
        prompt_shields: true,
        hate: Severity::Medium,
        self_harm: Severity::Low,
        sexual: Severity::Safe,
        violence: Severity::High,
    };

    fn passes(answer: &Value) -> bool {
        judge(answer.to_string().as_bytes(), &FLOOR).is_ok()
    }

    #[test]
    fn each_category_has_its_own_floor() {
        for (name, severity, meant) in [
            ("hate", "medium", true),
            ("hate", "high", false),
            ("self_harm", "low", true),
            ("self_harm", "medium", false),
            ("sexual", "safe", true),
            ("sexual", "low", false),
            ("violence", "high", true),
            ("violence", "extreme", true),
            ("hate", "extreme", false),
        ] {
            let found = json!({name: {"severity": severity, "filtered": false}});
            for answer in [
                json!({"choices": [{"index": 0}, {"content_filter_results": found}]}),
                json!({"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": found}]}),
                json!({"response": {"content_filters": [{"content_filter_results": found}]}}),
            ] {
                assert_eq!(passes(&answer), meant, "{answer}");
            }
        }
    }

    #[test]
    fn an_attack_is_refused_where_shields_are_asked_for() {
        let answer = json!({"prompt_filter_results": [{"content_filter_results": {"jailbreak": {"detected": true, "filtered": false}}}]});
        assert!(!passes(&answer));
        let lenient = Safety { prompt_shields: false, ..FLOOR };
        assert!(judge(answer.to_string().as_bytes(), &lenient).is_ok());
        assert!(!passes(&json!({"error": {"code": "content_filter", "message": "…"}})));
    }

    #[test]
    fn what_cannot_be_read_does_not_pass() {
        for answer in [
            json!({"choices": [{"content_filter_results": 7}]}),
            json!({"choices": {"content_filter_results": {}}}),
            json!({"choices": [{"content_filter_results": {"hate": {"severity": 3}}}]}),
            json!({"choices": [{"content_filter_results": {"jailbreak": {"detected": "yes"}}}]}),
        ] {
            assert!(!passes(&answer), "{answer}");
        }
    }

    #[test]
    fn words_in_a_text_are_no_annotations() {
        for answer in [
            json!({"choices": [{"message": {"content": "\"content_filter_results\": {\"hate\": {\"severity\": \"high\"}}"}}]}),
            json!({"output": [{"content_filter_results": 7}]}),
            json!({"choices": null, "content_filters": null, "prompt_filter_results": [{"content_filter_results": {}}]}),
            json!("content_filter"),
        ] {
            assert!(passes(&answer), "{answer}");
        }
    }
}

//! The safety floor: what a provider's filter found, held to what the scenario puts up with. Not here: filtering.

use std::sync::LazyLock;

use kars_contract::agent_api::ErrorCode;
use kars_contract::router::{Safety, Severity};
use memchr::memmem::Finder;
use serde::Deserialize;

use super::said::Said;
use crate::refusal::Refusal;

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

/// The mark of an annotation in an answer or in an error.
static FILTER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("content_filter"));
/// The codes of an error that a filter is the reason of.
const BLOCKED: [&str; 2] = ["content_filter", "responsible_ai_policy_violation"];

/// Judges an answer, or one event of it. What holds no annotation passes.
pub fn judge(said: &Said<'_>, floor: &Safety) -> Result<(), Refusal> {
    if said.is_ambiguous {
        return Err(unreadable());
    }
    let annotated = |value: &&[u8]| FILTER.find(value).is_some();
    let inner = said.response.filter(annotated).map(Said::of).unwrap_or_default();
    if inner.is_ambiguous {
        return Err(unreadable());
    }
    let parts =
        [said.choices.filter(annotated), said.prompt_filter_results, said.content_filters, inner.content_filters];
    for part in parts.into_iter().flatten() {
        let parts: Option<Vec<Part>> = serde_json::from_slice(part).map_err(|_| unreadable())?;
        for found in parts.iter().flatten().filter_map(|part| part.content_filter_results.as_ref()) {
            judge_one(found, *floor)?;
        }
    }
    let Some(error) = said.error else { return Ok(()) };
    let code = match serde_json::from_slice::<Option<Failed>>(error) {
        Ok(failed) => failed.and_then(|failed| failed.code),
        Err(_) if annotated(&error) => return Err(unreadable()),
        // What another error looks like is the provider's to say.
        Err(_) => None,
    };
    if code.is_some_and(|code| BLOCKED.contains(&code.as_str())) {
        return Err(Refusal::new(ErrorCode::SafetyBlocked, "the provider's filter blocked the request"));
    }
    Ok(())
}

fn unreadable() -> Refusal {
    Refusal::new(ErrorCode::SafetyBlocked, "the provider's filter says something that the router cannot read")
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
        judge(&Said::of(answer.to_string().as_bytes()), &FLOOR).is_ok()
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
        assert!(judge(&Said::of(answer.to_string().as_bytes()), &lenient).is_ok());
        assert!(!passes(&json!({"error": {"code": "content_filter", "message": "…"}})));
    }

    #[test]
    fn what_cannot_be_read_does_not_pass() {
        for answer in [
            json!({"choices": [{"content_filter_results": 7}]}),
            json!({"choices": {"content_filter_results": {}}}),
            json!({"choices": [{"content_filter_results": {"hate": {"severity": 3}}}]}),
            json!({"choices": [{"content_filter_results": {"jailbreak": {"detected": "yes"}}}]}),
            json!({"response": {"content_filters": {"content_filter_results": {}}}}),
            json!({"error": "content_filter"}),
        ] {
            assert!(!passes(&answer), "{answer}");
        }
    }

    #[test]
    fn what_another_reader_may_read_otherwise_does_not_pass() {
        let safe = r#"[{"content_filter_results":{"hate":{"severity":"safe"}}}]"#;
        for answer in [
            format!(r#"{{"choices":{safe},"choices":[]}}"#),
            format!(r#"{{"cho\u0069ces":{safe}}}"#),
            format!(r#"{{"response":{{"content_filters":{safe},"content_filters":[]}}}}"#),
            r#"{"choices":[{"content_filter_results":{"hate":{"severity":"safe"]}}]}"#.to_owned(),
        ] {
            assert!(judge(&Said::of(answer.as_bytes()), &FLOOR).is_err(), "{answer}");
        }
    }

    #[test]
    fn words_in_a_text_are_no_annotations() {
        for answer in [
            json!({"choices": [{"message": {"content": "\"content_filter_results\": {\"hate\": {\"severity\": \"high\"}}"}}]}),
            json!({"output": [{"content_filter_results": 7}]}),
            json!({"error": {"code": 429}, "id": "content_filter"}),
            json!({"error": null, "choices": null, "content_filters": null, "prompt_filter_results": [{"content_filter_results": {}}]}),
            json!("content_filter"),
        ] {
            assert!(passes(&answer), "{answer}");
        }
    }
}

//! What a client asks a model, as far as the router must know: the model, whether the answer is streamed, how much it may cost.
//! Everything else of the body is passed on as it came. Not here: changing it (`edit`).

use kars_contract::agent_api::{ErrorCode, JSON_DEPTH};
use kars_contract::router::Route;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::Api;
use super::fields::after_text;
use crate::refusal::Refusal;

/// A byte is the least that a token of a prompt is made of; text has three to four for each.
const BYTES_PER_TOKEN: u64 = 3;
/// What an image costs at most, in tokens of the models that count so.
const TOKENS_PER_IMAGE: u64 = 8192;

/// The fields that decide. A field that stands twice is an error: two readers could take different ones.
#[derive(Debug, Default, Deserialize)]
pub struct Question<'a> {
    /// The model, as the client names it.
    #[serde(borrow, default)]
    pub model: Option<&'a RawValue>,
    /// Whether the answer is streamed.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What a stream is to hold beside its text.
    #[serde(borrow, default)]
    pub stream_options: Option<&'a RawValue>,
    /// The most that an answer may have, by the three names there are.
    #[serde(borrow, default)]
    pub max_tokens: Option<&'a RawValue>,
    /// As `max_tokens`.
    #[serde(borrow, default)]
    pub max_completion_tokens: Option<&'a RawValue>,
    /// As `max_tokens`.
    #[serde(borrow, default)]
    pub max_output_tokens: Option<&'a RawValue>,
    /// How many answers.
    #[serde(borrow, default)]
    pub n: Option<&'a RawValue>,
    /// How many answers are made to choose from.
    #[serde(borrow, default)]
    pub best_of: Option<&'a RawValue>,
    /// The tools that the model may call.
    #[serde(borrow, default)]
    pub tools: Option<&'a RawValue>,
    /// Which of them it must call.
    #[serde(borrow, default)]
    pub tool_choice: Option<&'a RawValue>,
    /// Whether it may call several at once.
    #[serde(borrow, default)]
    pub parallel_tool_calls: Option<&'a RawValue>,
    /// What responses is asked; some providers refuse parts of it.
    #[serde(borrow, default)]
    pub input: Option<&'a RawValue>,
    /// What responses is to hold beside its text.
    #[serde(borrow, default)]
    pub include: Option<&'a RawValue>,
    /// MCP servers that the provider is to call.
    #[serde(borrow, default)]
    pub mcp_servers: Option<&'a RawValue>,
    /// A search of the web by the provider.
    #[serde(borrow, default)]
    pub web_search_options: Option<&'a RawValue>,
    /// Stores that the provider is to search.
    #[serde(borrow, default)]
    pub data_sources: Option<&'a RawValue>,
    /// An agent that is kept at the provider.
    #[serde(borrow, default)]
    pub agent: Option<&'a RawValue>,
    /// The same by its other name.
    #[serde(borrow, default)]
    pub agent_reference: Option<&'a RawValue>,
}

impl<'a> Question<'a> {
    /// Reads a body. The question is on the heap, as it passes through many hands.
    pub fn read(text: &'a str) -> Result<Box<Self>, Refusal> {
        // A list would otherwise be read as the fields, in order.
        if !text.trim_start().starts_with('{') {
            return Err(wrong("it is no JSON object"));
        }
        if is_deeper(text, JSON_DEPTH) {
            return Err(wrong(&format!("it has more than {JSON_DEPTH} lists and objects within each other")));
        }
        serde_json::from_str(text).map(Box::new).map_err(|error| wrong(&error.to_string()))
    }

    /// The model's name, as text.
    pub fn model_name(&self) -> Result<Option<String>, Refusal> {
        let Some(raw) = self.model else { return Ok(None) };
        let wrong = |_| Refusal::new(ErrorCode::ArgsWrong, "`model` is not text");
        serde_json::from_str(raw.get()).map(Some).map_err(wrong)
    }

    /// The most that one answer may have; absent where the client sets no bound.
    pub fn most(&self) -> Result<Option<u64>, Refusal> {
        let named = [
            ("max_completion_tokens", self.max_completion_tokens),
            ("max_output_tokens", self.max_output_tokens),
            ("max_tokens", self.max_tokens),
        ];
        let mut most = None;
        for (name, raw) in named {
            let number = whole(name, raw)?;
            most = most.max(number);
        }
        Ok(most)
    }

    /// How many answers are made.
    pub fn answers(&self) -> Result<u64, Refusal> {
        let (n, best_of) = (whole("n", self.n)?.unwrap_or(1), whole("best_of", self.best_of)?.unwrap_or(1));
        if n == 0 {
            return Err(Refusal::new(ErrorCode::ArgsWrong, "`n` asks for no answer"));
        }
        Ok(n.max(best_of))
    }

    /// The most tokens that the request may cost on this route: its prompt, estimated from its bytes, and its answers.
    pub fn cost(&self, api: Api, body: usize, route: &Route, per_request: Option<u64>) -> Result<u64, Refusal> {
        let prompt = (body as u64).div_ceil(BYTES_PER_TOKEN);
        let answers = self.answers()?;
        let answer = match api {
            Api::Embeddings => 0,
            Api::Images => TOKENS_PER_IMAGE,
            Api::ChatCompletions | Api::Responses | Api::Completions | Api::Messages => {
                let room = per_request.unwrap_or(u64::MAX).min(route.context_length).saturating_sub(prompt);
                self.most()?.unwrap_or(room)
            }
        };
        Ok(prompt.saturating_add(answer.saturating_mul(answers)))
    }
}

/// A body, as text.
pub fn text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))
}

fn wrong(problem: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsWrong, format!("the body is no request to a model: {problem}"))
}

/// Whether JSON has more lists and objects within each other than this. Nothing is read for it, so it needs no stack.
fn is_deeper(text: &str, most: usize) -> bool {
    let (mut depth, mut rest) = (0_usize, text.as_bytes());
    let begun = |mark| memchr::memchr_iter(mark, text.as_bytes()).count();
    if begun(b'{') + begun(b'[') <= most {
        return false;
    }
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match first {
            b'"' => rest = after_text(rest),
            b'[' | b'{' if depth == most => return true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => (),
        }
    }
    false
}

/// A number that is whole and not below zero; `null` is none.
fn whole(name: &str, raw: Option<&RawValue>) -> Result<Option<u64>, Refusal> {
    let Some(raw) = raw else { return Ok(None) };
    let wrong = |_| Refusal::new(ErrorCode::ArgsWrong, format!("`{name}` is not a whole number from 0 on"));
    serde_json::from_str(raw.get()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        let question = Question::read(body);
        let refusal = question.and_then(|question| {
            question.model_name()?;
            question.most()?;
            question.answers()
        });
        let refusal = refusal.expect_err(body);
        assert_eq!(refusal.code(), ErrorCode::ArgsWrong);
        refusal.detail.message.clone()
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        for body in [
            "[]",
            "\"x\"",
            "",
            "{",
            "{} {}",
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","mod\u0065l":"b"}"#,
            r#"{"model":7}"#,
            r#"{"max_tokens":-1}"#,
            r#"{"max_tokens":1.5}"#,
            r#"{"max_tokens":"9"}"#,
            r#"{"max_output_tokens":18446744073709551616}"#,
            r#"{"n":0}"#,
            r#"{"stream":"yes"}"#,
        ] {
            assert!(!refused(body).is_empty(), "{body}");
        }
        assert!(super::text(b"{\"model\":\"\xff\"}").is_err());
    }

    #[test]
    fn depth_is_counted_outside_of_text() {
        let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        Question::read(&nested(JSON_DEPTH)).unwrap();
        for depth in [JSON_DEPTH + 1, 1_000_000] {
            assert!(refused(&nested(depth)).contains("more than 128 lists and objects"));
        }
        assert!(refused(&nested(1_000_000)[..500_000]).contains("more than 128"), "it need not be whole");
        let wide = format!("{{\"x\":[{}[]]}}", "[{}],".repeat(1000));
        let text = format!("{{\"\\\"{0}\":\"\\\\{0}\\\"{0}\"}}", "[{".repeat(1000));
        for body in [wide, text] {
            Question::read(&body).unwrap();
        }
    }

    #[test]
    fn null_is_no_bound() {
        let question = Question::read(r#"{"model":null,"max_tokens":null,"stream":null,"n":null}"#).unwrap();
        assert_eq!(
            (question.model_name().unwrap(), question.most().unwrap(), question.answers().unwrap()),
            (None, None, 1)
        );
    }
}

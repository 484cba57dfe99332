//! What an answer cost, as the provider says it, in every form that they have. Not here: counting it.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

use super::api::Api;
use super::said::Said;
use super::sse::Events;

/// Tokens of a prompt and of its answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Of the prompt.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

impl Usage {
    /// Both.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Follows an answer while it passes.
#[derive(Debug)]
pub struct Follower {
    api: Api,
    events: Events,
    found: Option<Usage>,
    finished: bool,
}

/// All names that there are. A number below zero or with a fraction is none.
#[derive(Deserialize)]
struct Counts {
    #[serde(rename = "input_tokens", alias = "prompt_tokens")]
    input: Option<u64>,
    #[serde(rename = "output_tokens", alias = "completion_tokens")]
    output: Option<u64>,
    /// Anthropic counts what it keeps of a prompt apart.
    #[serde(rename = "cache_creation_input_tokens")]
    kept: Option<u64>,
    /// And what it had kept before.
    #[serde(rename = "cache_read_input_tokens")]
    read: Option<u64>,
}

/// What an event holds that says what it cost, or what a filter found.
static MARKS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["\"usage\"", "_filter"].map(Finder::new));
/// And that the answer has ended, where its API has events for that: all begin so.
static LAST_OF_RESPONSES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"response."));
static LAST_OF_MESSAGES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"message_stop"));
/// The kinds of event that end an answer.
const LAST: [&[u8]; 4] =
    [b"\"response.completed\"", b"\"response.incomplete\"", b"\"response.failed\"", b"\"message_stop\""];

impl Follower {
    /// Of an answer that this API has.
    #[must_use]
    pub fn of(api: Api) -> Self {
        Self { api, events: Events::default(), found: None, finished: false }
    }

    /// Takes the next bytes of a stream, and shows what the events that they complete say, if they do.
    pub fn feed(&mut self, bytes: &[u8], mut seen: impl FnMut(&Said<'_>)) {
        let Self { api, events, found, finished } = self;
        events.feed(bytes, |data| event(*api, data, found, finished, &mut seen));
    }

    /// Whether the stream has come to the end that its API has.
    #[must_use]
    pub fn has_finished(&self) -> bool {
        self.finished
    }

    /// What was found, once the stream has ended.
    pub fn end(mut self) -> Followed {
        let Self { api, events, found, finished } = &mut self;
        events.end(|data| event(*api, data, found, finished, |_| ()));
        Followed { usage: self.found, finished: self.finished }
    }
}

/// What a stream said about itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Followed {
    /// What it cost, if it said so.
    pub usage: Option<Usage>,
    /// Whether it came to the end that its API has.
    pub finished: bool,
}

fn event(api: Api, data: &[u8], found: &mut Option<Usage>, finished: &mut bool, mut seen: impl FnMut(&Said<'_>)) {
    if data == b"[DONE]" {
        *finished = true;
        return;
    }
    // Most events say nothing of it; finding their fields costs more than all the rest of what the router does with them.
    if !is_marked(api, data) {
        return;
    }
    let said = Said::of(data);
    seen(&said);
    *finished |= said.kind.is_some_and(|kind| LAST.contains(&kind));
    if let Some(usage) = of(&said) {
        let before = found.unwrap_or_default();
        // Anthropic says the prompt first and the answer's growing count later; the others say both once.
        *found = Some(Usage { input: before.input.max(usage.input), output: before.output.max(usage.output) });
    }
}

fn is_marked(api: Api, data: &[u8]) -> bool {
    let last = match api {
        Api::Responses => Some(&LAST_OF_RESPONSES),
        Api::Messages => Some(&LAST_OF_MESSAGES),
        Api::ChatCompletions | Api::Completions | Api::Embeddings | Api::Images => None,
    };
    let mut marks = MARKS.iter().chain(last.map(|last| &**last));
    marks.any(|mark| mark.find(data).is_some())
}

/// What an answer that came whole says it cost.
#[must_use]
pub fn of_answer(api: Api, answer: &Said<'_>) -> Option<Usage> {
    let usage = of(answer)?;
    // An embedding has no answer to count.
    Some(if api == Api::Embeddings { Usage { output: 0, ..usage } } else { usage })
}

/// What it says itself, or what the answer within it does.
fn of(said: &Said<'_>) -> Option<Usage> {
    let counts = |said: &Said<'_>| {
        let usage = said.usage.filter(|_| !said.is_ambiguous)?;
        serde_json::from_slice::<Option<Counts>>(usage).ok()?
    };
    let within = || [said.response, said.message].into_iter().flatten().find_map(|inner| counts(&Said::of(inner)));
    let counts = counts(said).or_else(within)?;
    if counts.input.is_none() && counts.output.is_none() {
        return None;
    }
    let cached = [counts.kept, counts.read].into_iter().flatten();
    let input = cached.fold(counts.input.unwrap_or(0), u64::saturating_add);
    Some(Usage { input, output: counts.output.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\": {\\\"prompt_tokens\\\": 999}\"}}],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n",
        "data: [DONE]\n\n"
    );
    const RESPONSES: &str = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":",
        "{\"input_tokens\":11,\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":7}}}\n\n"
    );
    const MESSAGES: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":",
        "{\"input_tokens\":9,\"cache_read_input_tokens\":2,\"output_tokens\":1}}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );

    const STREAMS: [(Api, &str); 3] =
        [(Api::ChatCompletions, CHAT), (Api::Responses, RESPONSES), (Api::Messages, MESSAGES)];

    #[test]
    fn a_stream_is_counted_once_wherever_it_is_cut() {
        for (api, text) in STREAMS {
            for cut in 0..=text.len() {
                let (left, right) = text.as_bytes().split_at(cut);
                let mut follower = Follower::of(api);
                follower.feed(left, |_| ());
                follower.feed(right, |_| ());
                let meant = Followed { usage: Some(Usage { input: 11, output: 7 }), finished: true };
                assert_eq!(follower.end(), meant, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_stream_that_breaks_off_is_not_finished() {
        for (api, text) in STREAMS {
            let mut follower = Follower::of(api);
            follower.feed(&text.as_bytes()[..text.len() / 2], |_| ());
            assert!(!follower.end().finished);
        }
    }

    #[test]
    fn what_is_no_count_counts_nothing() {
        for body in [
            "{}",
            "[]",
            "x",
            r#"{"usage":null}"#,
            r#"{"usage":{}}"#,
            r#"{"usage":{"prompt_tokens":-5,"completion_tokens":1}}"#,
            r#"{"usage":{"prompt_tokens":1e300}}"#,
            r#"{"usage":{"prompt_tokens":"7"}}"#,
        ] {
            assert_eq!(of_answer(Api::ChatCompletions, &Said::of(body.as_bytes())), None, "{body}");
        }
        let most = format!(r#"{{"usage":{{"prompt_tokens":{},"completion_tokens":{}}}}}"#, u64::MAX, u64::MAX);
        assert_eq!(of_answer(Api::ChatCompletions, &Said::of(most.as_bytes())).unwrap().total(), u64::MAX);
    }

    #[test]
    fn an_answer_that_comes_whole() {
        let chat = br#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
        assert_eq!(of_answer(Api::ChatCompletions, &Said::of(chat)), Some(Usage { input: 3, output: 4 }));
        let embedding = br#"{"data":[],"usage":{"prompt_tokens":5,"total_tokens":5}}"#;
        assert_eq!(of_answer(Api::Embeddings, &Said::of(embedding)), Some(Usage { input: 5, output: 0 }));
        let message = br#"{"type":"message","usage":{"input_tokens":5,"output_tokens":6}}"#;
        assert_eq!(of_answer(Api::Messages, &Said::of(message)), Some(Usage { input: 5, output: 6 }));
    }
}

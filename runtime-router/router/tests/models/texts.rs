//! Texts that look like the protocol they are in: prompts and answers with events, ends and counts of tokens in them. Not here: what
//! the protocol itself says (`inference`).

use serde_json::{Value, json};

use crate::inference::alone;
use crate::provider::{Provider, end, events, piece, whole};
use crate::slow::used;

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
/// As text it is in a prompt or an answer; as protocol it would end a stream that cost nothing.
const FAKE: &str = "x\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\ndata: [DONE]\r\n\r\n\u{2028}event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":0,\"output_tokens\":0}}}\n\n\"},\"usage\":{\"total_tokens\":0},\"stream\":false,\"model\":\"gpt-9\",\"max_tokens\":1,\"y\":{\"z\":\"";

/// An event of a stream, with the text and what looks like a count beside it.
fn said(path: &str) -> Value {
    let fake = json!({"prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 0, "output_tokens": 0});
    if path == CHAT {
        let delta = json!({"content": FAKE, "usage": fake, "tool_calls": [{"function": {"arguments": FAKE}}]});
        return json!({"choices": [{"delta": delta, "usage": fake}]});
    }
    json!({"type": "response.output_text.delta", "delta": FAKE, "item": {"usage": fake}})
}

/// What a provider ends with: the count that is true.
fn last(path: &str) -> String {
    if path == CHAT {
        let count = json!({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 10}});
        return format!("data: {count}\n\ndata: [DONE]\n\n");
    }
    let count = json!({"type": "response.completed", "response": {"usage": {"input_tokens": 20, "output_tokens": 10}}});
    format!("event: response.completed\ndata: {count}\n\n")
}

fn question(path: &str, stream: bool) -> String {
    let prompt = if path == CHAT { "messages" } else { "input" };
    json!({"model": "gpt-5", "stream": stream, prompt: [{"role": "user", "content": FAKE}]}).to_string()
}

#[test]
fn a_stream_ends_with_its_own_end_and_costs_what_it_says_itself() {
    for path in [CHAT, RESPONSES] {
        let event = format!("data: {}\n\n", said(path));
        let sent = event.repeat(2) + &last(path);
        let answer = sent.clone();
        let provider = Provider::start(move |_, _, stream| {
            // Cut within the text, too, so that a piece may begin with what looks like an event.
            let cut = answer.find("data: [DONE]\\r").or_else(|| answer.find("event: ")).unwrap_or(9);
            let (left, right) = answer.split_at(cut);
            events(stream) && piece(stream, left) && piece(stream, right) && end(stream)
        });
        let router = alone(&provider, &json!({"tokensPerDay": 1_000_000}));
        let answer = router.post(path, &[], &question(path, true));
        assert_eq!((answer.status, answer.body.as_str()), (200, sent.as_str()), "{path}");
        assert_eq!(used(&router), 30, "{path}");
        let [asked] = provider.asked().try_into().expect("it was asked once");
        let asked: Value = serde_json::from_str(&asked.body).expect("it is JSON");
        assert!(asked.to_string().contains(&json!(FAKE).to_string()), "{path}: {asked}");
        assert_eq!((&asked["model"], &asked["stream"]), (&json!("gpt-5"), &json!(true)), "{path}");
    }
}

#[test]
fn a_stream_that_only_speaks_of_its_end_has_not_ended() {
    for path in [CHAT, RESPONSES] {
        let provider = Provider::start(move |_, _, stream| {
            events(stream) && piece(stream, &format!("data: {}\n\n", said(path))) && end(stream)
        });
        let router = alone(&provider, &json!({"tokensPerDay": 1_000_000}));
        let answer = router.post(path, &[], &question(path, true));
        assert!(answer.body.contains("ended its answer before it was complete"), "{path}: {}", answer.body);
        assert!(used(&router) >= 1000, "{path}: nobody has said what it cost");
    }
}

#[test]
fn a_whole_answer_costs_what_it_says_itself() {
    for path in [CHAT, RESPONSES] {
        let provider = Provider::start(move |_, asked, stream| {
            let mut answer = said(&asked.path);
            answer["usage"] = match path {
                CHAT => json!({"prompt_tokens": 20, "completion_tokens": 10}),
                _ => json!({"input_tokens": 20, "output_tokens": 10}),
            };
            whole(stream, 200, "", &answer.to_string())
        });
        let router = alone(&provider, &json!({"tokensPerDay": 1_000_000}));
        let answer = router.post(path, &[], &question(path, false));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(&json!(FAKE).to_string()), "{path}: {}", answer.body);
        assert_eq!(used(&router), 30, "{path}");
    }
}

//! The same, streamed: what comes in pieces is told in pieces, and never ends in silence. Not here: whole answers.

use std::io::Write;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{CHAT, RESPONSES, asked, post, router};
use crate::provider::{Provider, end, events};

/// A provider that streams these events, cut where it hurts.
fn streaming(answer: &'static str) -> Provider {
    Provider::start(move |_, _, stream| {
        events(stream) && answer.as_bytes().chunks(7).all(|bytes| chunk(stream, bytes)) && end(stream)
    })
}

fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let head = format!("{:x}\r\n", bytes.len());
    stream.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat()).is_ok()
}

/// The data of every event.
fn data(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line))).collect()
}

const RESPONSES_STREAM: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"created_at\":5,\"model\":\"gpt-x\",\"status\":\"in_progress\",\"output\":[],\"usage\":null}}\n\n",
    ": ping\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[]}}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"status\":\"in_progress\",\"content\":[]}}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"delta\":\"gr\u{fc}\"}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"delta\":\"ezi\"}\n\n",
    "data: {\"type\":\"response.output_text.done\",\"output_index\":1,\"text\":\"gr\u{fc}ezi\"}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":2,\"item\":{\"type\":\"function_call\",\"id\":\"fc\",\"call_id\":\"call_1\",\"name\":\"weather\",\"arguments\":\"\",\"status\":\"in_progress\"}}\n\n",
    "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":2,\"delta\":\"{\\\"city\\\":\"}\n\n",
    "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":2,\"delta\":\"\\\"Bern\\\"}\"}\n\n",
    "data: {\"type\":\"response.function_call_arguments.done\",\"output_index\":2,\"arguments\":\"{\\\"city\\\":\\\"Bern\\\"}\"}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":3,\"item\":{\"type\":\"function_call\",\"id\":\"fd\",\"call_id\":\"call_2\",\"name\":\"now\",\"arguments\":\"\",\"status\":\"in_progress\"}}\n\n",
    "data: {\"type\":\"response.function_call_arguments.done\",\"output_index\":3,\"arguments\":\"{}\"}\n\n",
    "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":11,\"output_tokens\":7}}}\n\n",
);

#[test]
fn a_stream_of_responses_is_told_piece_by_piece() {
    let provider = streaming(RESPONSES_STREAM);
    let router = router((provider.address, "responses"), None);
    let body = json!({"messages": [{"role": "user", "content": "x"}], "stream": true, "stream_options": {"include_usage": true}});
    let answer = post(&router, CHAT, &body);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(asked(&provider).1["stream"], true);
    let told = data(&answer.body);
    assert!(answer.body.ends_with("data: [DONE]\n\n"), "{}", answer.body);
    let deltas: Vec<&Value> =
        told.iter().map(|chunk| &chunk["choices"][0]["delta"]).filter(|delta| delta.is_object()).collect();
    let call =
        |index: u32, arguments: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]});
    let first = |index: u32, id: &str, name: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]});
    let wanted = [
        json!({"role": "assistant", "content": ""}),
        json!({"content": "gr\u{fc}"}),
        json!({"content": "ezi"}),
        first(0, "call_1", "weather"),
        call(0, "{\"city\":"),
        call(0, "\"Bern\"}"),
        first(1, "call_2", "now"),
        call(1, "{}"),
        json!({}),
    ];
    assert_eq!(deltas, wanted.iter().collect::<Vec<_>>());
    let last = &told[told.len() - 3];
    assert_eq!(
        (&last["choices"][0]["finish_reason"], &last["id"], &last["object"]),
        (&json!("tool_calls"), &json!("resp_1"), &json!("chat.completion.chunk"))
    );
    let usage = &told[told.len() - 2];
    assert_eq!(
        (&usage["choices"], &usage["usage"]["prompt_tokens"], &usage["usage"]["total_tokens"]),
        (&json!([]), &json!(11), &json!(18))
    );
}

const CHAT_STREAM: &str = concat!(
    "data: {\"id\":\"c1\",\"created\":5,\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"gr\u{fc}\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ezi\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\\\":\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"Bern\\\"}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn a_stream_of_chat_is_told_piece_by_piece() {
    let provider = streaming(CHAT_STREAM);
    let router = router((provider.address, "chat-completions"), None);
    let answer = post(&router, RESPONSES, &json!({"input": "x", "stream": true}));
    assert_eq!(asked(&provider).1["stream_options"], json!({"include_usage": true}));
    let told = data(&answer.body);
    let kinds: Vec<&str> = told.iter().map(|event| event["type"].as_str().expect("an event has a type")).collect();
    let wanted = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(kinds, wanted);
    for (number, event) in told.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    assert!(answer.body.starts_with("event: response.created\ndata: {"), "{}", answer.body);
    assert_eq!(
        (&told[4]["delta"], &told[4]["item_id"], &told[4]["output_index"]),
        (&json!("gr\u{fc}"), &told[2]["item"]["id"], &json!(0))
    );
    assert_eq!((&told[10]["item_id"], &told[10]["output_index"]), (&json!("fc_call_1"), &json!(1)));
    let response = &told[14]["response"];
    assert_eq!((&response["status"], &response["usage"]["input_tokens"]), (&json!("completed"), &json!(11)));
    assert_eq!(response["output"][0]["content"][0]["text"], "gr\u{fc}ezi");
    assert_eq!(response["output"][1]["arguments"], "{\"city\":\"Bern\"}");
}

#[test]
fn a_stream_that_fails_ends_with_an_error() {
    for (stream, api, path, reason) in [
        (
            "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"it broke\"}}}\n\n",
            "responses",
            CHAT,
            "it broke",
        ),
        ("data: {\"type\":\"error\",\"message\":\"it broke\"}\n\n", "responses", CHAT, "it broke"),
        (
            "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n",
            "responses",
            CHAT,
            "before it was complete",
        ),
        ("data: {\"error\":{\"message\":\"it broke\"}}\n\ndata: [DONE]\n\n", "chat-completions", RESPONSES, "it broke"),
        (
            "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            "chat-completions",
            RESPONSES,
            "before it was complete",
        ),
        ("data: <html>\n\ndata: [DONE]\n\n", "chat-completions", RESPONSES, "cannot be read"),
    ] {
        let provider = streaming(stream);
        let router = router((provider.address, api), None);
        let body =
            if path == CHAT { json!({"messages": [], "stream": true}) } else { json!({"input": "x", "stream": true}) };
        let told = post(&router, path, &body);
        assert!(
            told.body.contains("event: error\ndata: {\"error\":{") && told.body.contains(reason),
            "{stream}: {}",
            told.body
        );
        assert!(!told.body.contains("[DONE]") && !told.body.contains("response.completed"), "{}", told.body);
        assert!(told.body.contains("\"a\"") == stream.contains("\"a\""), "{}", told.body);
    }
}

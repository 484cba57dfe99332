//! Models that offer only one of OpenAI's two APIs, asked over the other through the built router. Not here: real clients.

mod streams;

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::provider::{Asked, Provider, whole};
use crate::support::{Answer, Router};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// A router whose agent may use `main`, which offers these APIs alone, and `spare`, which offers those.
fn router(main: (SocketAddr, &str), spare: Option<(SocketAddr, &str)>) -> Router {
    let route = |(address, api): (SocketAddr, &str)| {
        json!({
            "provider": "openai",
            "deployment": "gpt-x",
            "dialect": api,
            "apis": [api],
            "endpoint": format!("http://{address}"),
            "credential": {"secret": "openai/KEY"},
            "contextLength": 1000,
            "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
        })
    };
    let candidates = if spare.is_some() { json!(["main", "spare"]) } else { json!(["main"]) };
    Router::start_with(
        |document| {
            document["budget"] = json!({"tokensPerDay": 1000});
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main"], "candidates": candidates}],
                "routes": {"main": route(main), "spare": route(spare.unwrap_or(main))},
            });
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/openai")).expect("the folder is there");
            fs::write(folder.join("credentials/openai/KEY"), "sk-canary-0123456789").expect("it can be written");
        },
    )
}

fn answering(status: u16, answer: &Value) -> Provider {
    let answer = answer.to_string();
    Provider::start(move |_, _, stream| whole(stream, status, "", &answer))
}

fn post(router: &Router, path: &str, body: &Value) -> Answer {
    router.post(path, &[], &body.to_string())
}

fn asked(provider: &Provider) -> (String, Value) {
    let Asked { path, body, .. } = provider.asked().last().expect("it was asked").clone();
    (path, serde_json::from_str(&body).expect("it is JSON"))
}

fn response() -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 5, "status": "completed", "model": "gpt-x",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "gr\u{fc}ezi", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Bern\"}", "status": "completed"},
        ],
        "usage": {"input_tokens": 11, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 18},
    })
}

fn completion() -> Value {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bern\"}"}});
    json!({
        "id": "c1", "object": "chat.completion", "created": 5, "model": "gpt-x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "gr\u{fc}ezi", "tool_calls": [call]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    })
}

#[test]
fn a_chat_is_told_to_a_model_that_offers_responses_alone() {
    let provider = answering(200, &response());
    let router = router((provider.address, "responses"), None);
    let function = json!({"name": "weather", "description": "tells", "parameters": {"type": "object", "x": 1.50}});
    let call = json!({"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    let body = json!({
        "model": "main",
        "messages": [
            {"role": "system", "content": "be short"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [call], "refusal": null},
            {"role": "tool", "tool_call_id": "call_0", "content": [{"type": "text", "text": "rain"}, {"type": "text", "text": "wind"}]},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "max_completion_tokens": 64, "reasoning_effort": "low", "temperature": 0.5, "n": 1, "stop": null,
    });
    let answer = post(&router, CHAT, &body).json();
    let (path, told) = asked(&provider);
    assert_eq!(path, "/v1/responses");
    let input = json!([
        {"type": "message", "role": "developer", "content": "be short"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        ]},
        {"type": "function_call", "call_id": "call_0", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_0", "output": [
            {"type": "input_text", "text": "rain"},
            {"type": "input_text", "text": "wind"},
        ]},
    ]);
    let wanted = json!({
        "model": "gpt-x", "input": input, "store": false, "max_output_tokens": 64, "temperature": 0.5,
        "tools": [{"type": "function", "name": "weather", "description": "tells", "parameters": {"type": "object", "x": 1.50}, "strict": false}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "low"},
    });
    assert_eq!(told, wanted);
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Bern\"}"}});
    assert_eq!(
        answer["choices"],
        json!([{"index": 0, "message": {"role": "assistant", "content": "gr\u{fc}ezi", "tool_calls": [call]}, "finish_reason": "tool_calls", "logprobs": null}])
    );
    assert_eq!(
        (&answer["id"], &answer["object"], &answer["created"]),
        (&json!("resp_1"), &json!("chat.completion"), &json!(5))
    );
    assert_eq!(
        answer["usage"],
        json!({
            "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2},
        })
    );
}

#[test]
fn a_response_is_told_to_a_model_that_offers_chat_alone() {
    let provider = answering(200, &completion());
    let router = router((provider.address, "chat-completions"), None);
    let body = json!({
        "model": "main", "instructions": "be short", "store": false, "include": ["reasoning.encrypted_content"],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "data:x", "detail": "low"}]},
            {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"},
            {"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "wait", "annotations": []}]},
            {"type": "function_call", "id": "fc", "call_id": "call_0", "name": "a", "arguments": "{}", "status": "completed"},
            {"type": "function_call", "call_id": "call_2", "name": "b", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_0", "output": "rain"},
            {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "wind"}]},
        ],
        "tools": [{"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": true}],
        "tool_choice": "auto", "text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "low", "summary": "auto"},
        "max_output_tokens": 64,
    });
    let answer = post(&router, RESPONSES, &body).json();
    let (path, told) = asked(&provider);
    assert_eq!(path, "/v1/chat/completions");
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    assert_eq!(
        told,
        json!({
            "model": "gpt-x",
            "messages": [
                {"role": "system", "content": "be short"},
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}]},
                {"role": "assistant", "content": [{"type": "text", "text": "wait"}], "tool_calls": [call("call_0", "a"), call("call_2", "b")]},
                {"role": "tool", "content": "rain", "tool_call_id": "call_0"},
                {"role": "tool", "content": [{"type": "text", "text": "wind"}], "tool_call_id": "call_2"},
            ],
            "max_tokens": 64,
            "tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}, "strict": true}}],
            "tool_choice": "auto",
            "response_format": {"type": "json_object"},
            "reasoning_effort": "low",
        })
    );
    assert_eq!((&answer["status"], &answer["id"]), (&json!("completed"), &json!("resp_c1")));
    assert_eq!(
        answer["output"][0]["content"],
        json!([{"type": "output_text", "text": "gr\u{fc}ezi", "annotations": []}])
    );
    assert_eq!(
        answer["output"][1],
        json!({"type": "function_call", "id": "fc_call_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Bern\"}", "status": "completed"})
    );
    assert_eq!(
        answer["usage"],
        json!({
            "input_tokens": 11, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 18,
        })
    );
    post(&router, RESPONSES, &json!({"input": "hello"}));
    assert_eq!(asked(&provider).1["messages"], json!([{"role": "user", "content": "hello"}]));
}

#[test]
fn what_cannot_be_told_is_refused_by_name() {
    let provider = answering(200, &json!({}));
    let responses = router((provider.address, "responses"), None);
    let user = json!([{"role": "user", "content": "x"}]);
    for (body, named) in [
        (json!({"messages": user, "stop": ["x"]}), "`stop`"),
        (json!({"messages": user, "seed": 7}), "`seed`"),
        (json!({"messages": user, "n": 2}), "`n`"),
        (json!({"messages": user, "logprobs": true}), "`logprobs`"),
        (json!({"messages": user, "a\nb": 1}), "`a\\\\nb`"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}),
            "`messages[0].content[0].input_audio`",
        ),
        (json!({"messages": [{"role": "user", "content": "x", "name": "n"}]}), "`messages[0].name`"),
        (json!({"messages": [{"role": "function", "content": "x"}]}), "`messages[0].role`"),
        (json!({"messages": user, "tools": [{"type": "custom", "custom": {"name": "x"}}]}), "`tools[0].type`"),
        (json!({"messages": {"a": 1}}), "`messages`"),
    ] {
        let answer = post(&responses, CHAT, &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("args.wrong")),
            "{body}: {}",
            answer.body
        );
        assert!(answer.body.contains(named), "{body}: {}", answer.body);
    }
    let chat = router((provider.address, "chat-completions"), None);
    for (body, named) in [
        (json!({"input": "x", "previous_response_id": "resp_0"}), "`previous_response_id`"),
        (json!({"input": "x", "store": true}), "`store`"),
        (json!({"input": "x", "background": true}), "`background`"),
        (json!({"input": "x", "include": ["message.output_text.logprobs"]}), "`include`"),
        (json!({"input": [{"type": "item_reference", "id": "x"}]}), "`input[0].item_reference`"),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "data:x"}]}]}),
            "`input[0].output`",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example"}]}]}),
            "`input[0].content[0].file_url`",
        ),
    ] {
        let answer = post(&chat, RESPONSES, &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("args.wrong")),
            "{body}: {}",
            answer.body
        );
        assert!(answer.body.contains(named), "{body}: {}", answer.body);
    }
    assert_eq!(provider.asked().len(), 0);
}

#[test]
fn what_a_provider_runs_is_not_told_either() {
    let main = answering(200, &completion());
    let router = router((main.address, "chat-completions"), None);
    let own = json!({"type": "function", "name": "own", "parameters": {}});
    let told = |tools: Value| {
        let answer = post(&router, RESPONSES, &json!({"input": "x", "tools": tools}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        asked(&main).1["tools"].clone()
    };
    let meant = told(json!([own]));
    assert_eq!(meant[0]["function"]["name"], "own");
    assert_eq!(
        told(json!([{"type": "web_search"}, own, {"type": "mcp", "server_url": "https://evil.example"}])),
        meant
    );
}

#[test]
fn what_failed_stays_failed() {
    let error = json!({"error": {"message": "no such parameter", "type": "invalid_request_error", "code": "x"}});
    let provider = answering(400, &error);
    let refusing = router((provider.address, "responses"), None);
    let body = json!({"messages": [{"role": "user", "content": "x"}]});
    let answer = post(&refusing, CHAT, &body);
    assert_eq!((answer.status, answer.json()), (400, error));
    for (answer, status, reason) in [
        (
            json!({"id": "r", "status": "failed", "error": {"code": "x", "message": "it broke"}, "output": []}),
            502,
            "it broke",
        ),
        (
            json!({"id": "r", "status": "completed", "output": [{"type": "web_search_call", "id": "w"}]}),
            502,
            "cannot tell",
        ),
        (json!([1]), 502, "cannot be read"),
    ] {
        let provider = answering(200, &answer);
        let router = router((provider.address, "responses"), None);
        let told = post(&router, CHAT, &body);
        assert_eq!((told.status, &told.json()["error"]["code"]), (status, &json!("upstream.failed")), "{answer}");
        assert!(told.body.contains(reason), "{}", told.body);
    }
    let provider = answering(
        200,
        &json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}),
    );
    let short = router((provider.address, "responses"), None);
    assert_eq!(post(&short, CHAT, &body).json()["choices"][0]["finish_reason"], "length");
    // A stream was asked for, and none comes. What the answer before did not say that it cost, has used the budget up.
    let short = router((provider.address, "responses"), None);
    let wanted = json!({"messages": [], "stream": true});
    assert_eq!(post(&short, CHAT, &wanted).json()["error"]["code"], "upstream.failed");
}

#[test]
fn a_fallback_may_offer_the_other_api() {
    let main = answering(503, &json!({}));
    let spare = answering(200, &completion());
    let router = router((main.address, "responses"), Some((spare.address, "chat-completions")));
    let answer = post(&router, RESPONSES, &json!({"input": "x"})).json();
    assert_eq!(answer["output"][0]["content"][0]["text"], "gr\u{fc}ezi");
    assert_eq!((asked(&main).0, asked(&spare).0), (RESPONSES.to_owned(), CHAT.to_owned()));
    // What the spare cannot be told, the first alone is asked.
    let before = spare.asked().len();
    let answer = post(&router, RESPONSES, &json!({"input": "x", "previous_response_id": "resp_0"}));
    assert_eq!((answer.status, spare.asked().len()), (503, before));
    // Where nothing has to be told, every byte stays.
    let provider = answering(200, &completion());
    let same = self::router((provider.address, "chat-completions"), None);
    let body = r#"{ "model":"main", "messages": [ ], "seed" : 1.50 }"#;
    same.post(CHAT, &[], body);
    assert_eq!(provider.asked()[0].body, body.replace("main", "gpt-x"));
}

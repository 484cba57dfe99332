//! What Hermes expects of the router, as its clients ask for it: shapes, tolerances, streams. Not here: Hermes itself, which
//! `tests/hermes` runs.

use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::provider::{Asked, Provider, end, events, piece};
use crate::support::{Answer, Router};

/// The key that the rendered files give to Hermes; the router shows another one to the provider.
const SHOWN: (&str, &str) = ("authorization", "Bearer router-managed-loopback-only");
/// What a Responses client sends when it asks for a stream.
const QUESTION: &str = r#"{"model":"gpt-5.4","input":[{"role":"user","content":"hello"}],"stream":true,"store":false,"include":["reasoning.encrypted_content"],"parallel_tool_calls":true,"prompt_cache_key":"a"}"#;

/// An agent with one model, one tool that its runtime runs, and one server of tools.
fn router(provider: SocketAddr) -> Router {
    Router::start_with(
        |document| {
            document["inference"] = json!({
                "default": "gpt-5.4",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main", "gpt-5.4"], "candidates": ["main"]}],
                "routes": {"main": {
                    "provider": "azure-foundry",
                    "deployment": "gpt-5.4",
                    "dialect": "responses",
                    "endpoint": format!("http://{provider}/api/projects/brief"),
                    "credential": {"secret": "model/KEY"},
                    "contextLength": 200_000,
                    "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
                }},
            });
            document["limits"]["inferenceIdleSeconds"] = json!(2);
            document["tools"] = json!([{"enforced": "runtime", "id": "agents.a.tools[hermes.file.*]", "tool": "hermes.file.write_file"}]);
            document["rules"] = json!([{
                "id": "rules.house[0]",
                "effect": "allow",
                "tool": "hermes.file.write_file",
                "when": {"args": {"path": {"under": "/sandbox/incoming"}}},
                "enforced": "runtime",
            }]);
            document["mcp"] = json!({"wiki": {"id": "agents.a.mcp[wiki]", "url": format!("http://{provider}/mcp"), "tools": ["ask"], "timeoutSeconds": 5}});
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/model")).expect("the folder is there");
            fs::write(folder.join("credentials/model/KEY"), "sk-of-the-router").expect("it can be written");
        },
    )
}

/// A provider that nobody asks.
fn idle() -> Provider {
    Provider::start(|_, _, _| false)
}

/// Events of an answer of the Responses API, one of which is long and beyond ASCII.
fn answer() -> String {
    let event = |kind: &str, fields: &Value| {
        let mut data = json!({"type": kind});
        data.as_object_mut().expect("it is one").extend(fields.as_object().expect("it is one").clone());
        format!("event: {kind}\ndata: {data}\n\n")
    };
    [
        event("response.created", &json!({"response": {"id": "r", "status": "in_progress", "usage": null}})),
        event("response.output_text.delta", &json!({"delta": "\u{1F980}".repeat(20_000), "logprobs": []})),
        event("response.function_call_arguments.delta", &json!({"delta": "{\"path\":\"a\\nb\"}", "item_id": "f"})),
        event(
            "response.completed",
            &json!({"response": {"usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}}),
        ),
    ]
    .concat()
}

fn responses(router: &Router) -> Answer {
    router.post("/v1/responses", &[SHOWN, ("user-agent", "OpenAI/Python 2.24.0")], QUESTION)
}

#[test]
fn a_stream_of_responses_arrives_as_it_was_sent() {
    let sent = answer();
    let provider = Provider::start(move |_, _, stream| {
        events(stream) && answer().as_bytes().chunks(997).all(|part| raw(stream, part)) && end(stream)
    });
    let router = router(provider.address);
    let arrived = responses(&router);
    assert_eq!((arrived.status, arrived.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(arrived.body, sent);
    let [asked] = <[Asked; 1]>::try_from(provider.asked()).expect("it was asked once");
    assert_eq!(asked.path, "/api/projects/brief/openai/v1/responses");
    let body: Value = serde_json::from_str(&asked.body).expect("it is JSON");
    // This provider refuses to be given its reasoning back; all else passes as it came.
    assert_eq!((&body["include"], &body["prompt_cache_key"]), (&json!([]), &json!("a")));
    assert!(!format!("{asked:?}").contains("router-managed"), "{asked:?}");
}

fn raw(stream: &mut std::net::TcpStream, part: &[u8]) -> bool {
    use std::io::Write as _;
    let head = format!("{:x}\r\n", part.len());
    [head.as_bytes(), part, b"\r\n"].iter().all(|bytes| stream.write_all(bytes).is_ok())
}

#[test]
fn a_stream_lives_while_it_moves_and_says_when_it_does_not() {
    let provider = Provider::start(move |number, _, stream| {
        let text = answer();
        let parts: Vec<&str> = text.split_inclusive("\n\n").collect();
        events(stream)
            && parts.iter().all(|part| {
                sleep(Duration::from_millis(900));
                piece(stream, part)
            })
            && (number == 0 && end(stream))
    });
    let router = router(provider.address);
    // Its parts take longer together than a stream may be silent.
    assert_eq!(responses(&router).body, answer());
    let silent = Provider::start(|_, _, stream| {
        let begun =
            events(stream) && piece(stream, "event: response.created\ndata: {\"type\":\"response.created\"}\n\n");
        sleep(Duration::from_secs(6));
        begun
    });
    let router = self::router(silent.address);
    let cut = responses(&router).body;
    assert!(cut.starts_with("event: response.created\n") && cut.contains("event: error\n"), "{cut}");
}

#[test]
fn a_question_about_a_tool_is_never_answered_with_a_fault() {
    let router = router(idle().address);
    let ask = |body: &str| router.post("/agt/evaluate", &[], body);
    let allowed = ask(r#"{"tool":"hermes.file.write_file","args":{"path":"/sandbox/incoming/a"}}"#);
    assert_eq!((allowed.status, &allowed.json()["allowed"]), (200, &json!(true)));
    for (body, status) in [
        (r#"{"tool":"hermes.file.write_file","args":{"path":"/etc/passwd"}}"#, 200),
        (r#"{"tool":"hermes.file.write_file","args":{"path":["/sandbox/incoming/a"]}}"#, 200),
        (r#"{"tool":"hermes.file.write_file"}"#, 200),
        (r#"{"tool":"hermes.terminal.terminal","args":{"command":"rm -rf /"}}"#, 200),
        (r#"{"action":"tool:write_file:/sandbox/incoming/a","context":{"tool":"write_file"}}"#, 200),
        (r#"{"action":"tool:delegate_task:a","context":{}}"#, 200),
        (r#"{"action":"shell:rm -rf /"}"#, 200),
        (r#"{"action":""}"#, 200),
        (r#"{"tool":"hermes.file.write_file","action":"tool:write_file"}"#, 200),
        ("{}", 200),
        (r#"{"tool":"*"}"#, 400),
        (r#"{"tool":7}"#, 400),
        (r#"{"tool":"hermes.file.write_file","allowed":true}"#, 400),
        ("[]", 400),
        ("", 400),
        ("\u{0}", 400),
    ] {
        let answer = ask(body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        let told = answer.json();
        assert_ne!(told["allowed"], true, "{body}");
        let named = if status == 200 { &told["decision"] } else { &told["error"]["code"] };
        assert!(named == "deny" || named == "args.wrong", "{body}: {told}");
    }
    let refused = ask(r#"{"tool":"hermes.file.write_file","args":{"path":"/etc/passwd"}}"#).json();
    assert_eq!((&refused["reason"], &refused["rule"]), (&json!("no-allow-rule"), &json!("rules.house[0]")));
}

#[test]
fn what_hermes_looks_for_on_a_server_of_its_own_is_not_there() {
    let router = router(idle().address);
    assert_eq!(router.get("/v1/models").status, 200);
    for path in ["/api/v1/models", "/api/tags", "/v1/props", "/props", "/version", "/agt/handoff/request", "/health"] {
        let answer = router.get(path);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("route.unknown")), "{path}");
        assert!(answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains(path)), "{path}");
    }
    // What changes a router, or shows more than its agent may see, is no route either.
    for path in ["/egress/learn", "/admin/model", "/agt/relay", "/agt/registry/v1/agents", "/sandbox/spawn", "/ctl"] {
        let answer = router.post(path, &[("x-kars-admin", "true")], "{}");
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("route.unknown")), "{path}");
    }
    for path in ["/metrics", "/readyz", "/budgets", "/status"] {
        assert_eq!(router.get(path).status, 404, "{path}");
    }
    for path in ["/agt/trust", "/agt/signing-counter"] {
        assert_eq!(router.post(path, &[], r#"{"agent_id":"b","score":1000}"#).status, 202, "{path}");
    }
}

#[test]
fn messages_and_children_are_refused_with_a_code_while_there_is_no_mesh() {
    let router = router(idle().address);
    let refused = |answer: &Answer, what: &str| {
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (503, &json!("mesh.unavailable")), "{what}: {}", answer.body);
        assert!(error["message"].is_string() && error["help"].is_string(), "{what}");
    };
    for (path, body) in [
        ("/kars/v1/mesh/send", r#"{"to":"viz","content":"hello"}"#),
        ("/kars/v1/mesh/await", r#"{"from":["viz"],"timeoutSeconds":1}"#),
        ("/kars/v1/mesh/transfer", r#"{"to":"viz","path":"incoming/a.json"}"#),
        ("/kars/v1/spawn", r#"{"name":"viz"}"#),
    ] {
        refused(&router.post(path, &[], body), path);
    }
    for path in ["/kars/v1/mesh/inbox", "/kars/v1/mesh/peers", "/kars/v1/spawn", "/kars/v1/spawn/viz"] {
        refused(&router.get(path), path);
    }
    let wrong = router.get("/kars/v1/mesh/send");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[test]
fn clients_of_tools_say_in_many_ways_what_they_take() {
    let router = router(idle().address);
    let ping = |accept: &[&str]| {
        let mut headers = vec![("x-kars-mcp-server", "wiki")];
        headers.extend(accept.iter().map(|value| ("accept", *value)));
        router.post("/mcp", &headers, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).status
    };
    for accept in [
        &["application/json, text/event-stream"][..],
        &["application/json", "text/event-stream"],
        &["text/event-stream;q=0.5,application/json;q=0.9"],
        &["application/*, text/*"],
        &["*/*"],
        &["text/html, */*;q=0.1"],
        &["application/json ; charset=utf-8 , text/event-stream"],
    ] {
        assert_eq!(ping(accept), 200, "{accept:?}");
    }
    for accept in [&[][..], &["application/json"], &["text/event-stream"], &["text/html"], &["application/*"]] {
        assert_eq!(ping(accept), 406, "{accept:?}");
    }
}

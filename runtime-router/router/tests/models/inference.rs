//! Requests to models through the built router: who answers, what passes, what it costs. Not here: other ways out.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::provider::{Asked, Provider, end, events, piece, whole};
use crate::support::{Answer, Router};

const CANARY: &str = "sk-canary-0123456789abcdef";
const ANSWER: &str = r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}}"#;

/// A router whose agent may use `main`, and `spare` where that fails, at these addresses.
pub(crate) fn router(main: SocketAddr, spare: SocketAddr, budget: &Value) -> Router {
    Router::start_with(
        |document| {
            let route = |address: SocketAddr, deployment: &str| {
                json!({
                    "provider": "openai",
                    "deployment": deployment,
                    "dialect": "responses",
                    "endpoint": format!("http://{address}"),
                    "credential": {"secret": "openai/OPENAI_API_KEY"},
                    "contextLength": 1000,
                    "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
                })
            };
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main", "gpt-5"], "candidates": ["main", "spare"]}],
                "routes": {"main": route(main, "gpt-5"), "spare": route(spare, "gpt-5-mini")},
            });
            document["budget"] = budget.clone();
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/openai")).expect("the folder is there");
            fs::write(folder.join("credentials/openai/OPENAI_API_KEY"), format!("{CANARY}\n"))
                .expect("it can be written");
        },
    )
}

pub(crate) fn alone(provider: &Provider, budget: &Value) -> Router {
    router(provider.address, provider.address, budget)
}

fn chat(router: &Router, body: &Value) -> Answer {
    router.post("/v1/chat/completions", &[], &body.to_string())
}

fn models(provider: &Provider) -> Vec<String> {
    let model = |asked: &Asked| {
        serde_json::from_str::<Value>(&asked.body).expect("it is JSON")["model"].as_str().map(str::to_owned)
    };
    provider.asked().iter().filter_map(model).collect()
}

#[test]
fn a_request_arrives_with_the_routers_key_and_nothing_of_the_agents() {
    let provider = Provider::start(|_, _, stream| {
        whole(stream, 200, "x-ratelimit-remaining-tokens: 7\r\nset-cookie: a=b\r\n", ANSWER)
    });
    let router = alone(&provider, &json!({}));
    let shown = [
        ("authorization", "Bearer sk-attacker"),
        ("api-key", "attacker"),
        ("cookie", "a=b"),
        ("x-kars-sandbox", "other"),
        ("openai-organization", "other"),
        ("user-agent", "OpenAI/Python 2.24.0"),
    ];
    let answer = router.post("/v1/chat/completions", &shown, r#"{"model": "main", "messages": [], "x": 1.50}"#);
    assert_eq!((answer.status, answer.body.as_str()), (200, ANSWER));
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some("7"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(ANSWER.len().to_string().as_str()));
    assert_eq!(answer.header("set-cookie"), None);
    let [asked] = provider.asked().try_into().expect("it was asked once");
    assert_eq!(asked.path, "/v1/chat/completions");
    assert_eq!(asked.headers.get("authorization"), Some(&format!("Bearer {CANARY}")));
    assert_eq!(asked.body, r#"{"model": "gpt-5", "messages": [], "x": 1.50}"#);
    for name in ["api-key", "cookie", "x-kars-sandbox", "openai-organization"] {
        assert_eq!(asked.headers.get(name), None, "{name}");
    }
    assert_eq!(asked.headers.get("user-agent").map(String::as_str), Some("OpenAI/Python 2.24.0"));
}

#[test]
fn the_next_candidate_answers_where_one_fails() {
    for stream in [false, true] {
        let main = Provider::start(|_, _, stream| whole(stream, 503, "", "{}"));
        let spare = Provider::start(|_, asked, stream| {
            if asked.body.contains("\"stream\":true") {
                return events(stream)
                    && piece(
                        stream,
                        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n",
                    )
                    && end(stream);
            }
            whole(stream, 200, "", ANSWER)
        });
        let router = router(main.address, spare.address, &json!({}));
        let answer = chat(&router, &json!({"model": "gpt-5", "stream": stream, "messages": []}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!((models(&main), models(&spare)), (vec!["gpt-5".to_owned()], vec!["gpt-5-mini".to_owned()]));
    }
}

#[test]
fn a_failure_of_the_last_is_passed_on_with_when_to_come_again() {
    let provider = Provider::start(|_, _, stream| {
        whole(stream, 429, "retry-after: 17\r\n", r#"{"error":{"message":"slow down"}}"#)
    });
    let router = alone(&provider, &json!({"tokensPerDay": 10_000}));
    let answer = chat(&router, &json!({"messages": []}));
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("17")));
    assert!(answer.body.contains("slow down"));
    assert_eq!(models(&provider), ["gpt-5", "gpt-5-mini"]);
}

#[test]
fn tokens_are_counted_whoever_the_agent_says_it_is() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = alone(&provider, &json!({"tokensPerDay": 100}));
    let statuses: Vec<u16> = (0..6)
        .map(|number| {
            let name = format!("sandbox-{number}");
            router
                .post("/v1/chat/completions", &[("x-kars-sandbox", &name)], r#"{"messages":[],"max_tokens":10}"#)
                .status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    assert_eq!(provider.asked().len(), 4);
}

#[test]
fn every_route_that_costs_tokens_counts_them() {
    let responses = concat!(
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":",
        "{\"usage\":{\"input_tokens\":60,\"output_tokens\":60}}}\n\n"
    );
    for (path, body) in [
        ("/v1/responses", json!({"input": "x", "stream": true})),
        ("/v1/chat/completions", json!({"messages": []})),
        ("/v1/completions", json!({"prompt": "x"})),
        ("/v1/embeddings", json!({"input": "x"})),
    ] {
        let provider = Provider::start(move |_, asked, stream| {
            if asked.path == "/v1/responses" {
                let (left, right) = responses.split_at(70);
                return events(stream) && piece(stream, left) && piece(stream, right) && end(stream);
            }
            whole(stream, 200, "", r#"{"usage":{"prompt_tokens":120,"total_tokens":120}}"#)
        });
        let router = alone(&provider, &json!({"tokensPerDay": 100}));
        assert_eq!(router.post(path, &[], &body.to_string()).status, 200, "{path}");
        let refused = router.post(path, &[], &body.to_string());
        assert_eq!(refused.status, 429, "{path}: {}", refused.body);
        assert_eq!(refused.json()["error"]["code"], "budget.exceeded", "{path}");
    }
}

#[test]
fn a_stream_passes_byte_for_byte_and_never_ends_in_silence() {
    let good = "data: {\"choices\":[{\"delta\":{\"content\":\"\u{1F980}\"}}]}\r\n\r\n: ping\n\ndata:{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
    let provider = Provider::start(move |number, _, stream| {
        if !events(stream) {
            return false;
        }
        for piece_of in good.split_inclusive(' ') {
            piece(stream, piece_of);
        }
        number == 0 && end(stream)
    });
    let router = alone(&provider, &json!({}));
    let body = json!({"messages": [], "stream": true});
    assert_eq!(chat(&router, &body).body, good);
    let asked: Value = serde_json::from_str(&provider.asked()[0].body).expect("it is JSON");
    assert_eq!(asked["stream_options"], json!({"include_usage": true}));
    // The second time the connection breaks after the end of the stream that the client knows: nothing is missing.
    assert!(chat(&router, &body).body.starts_with(good));
    let broken = Provider::start(|_, _, stream| {
        let sent = events(stream) && piece(stream, "data: {\"choices\":[]}\n\nda");
        assert!(sent, "the router hangs up");
        false
    });
    let router = alone(&broken, &json!({}));
    let answer = chat(&router, &body).body;
    assert!(answer.contains("event: error\ndata: {\"error\":{\"type\":\"server_error\""), "{answer}");
    let short =
        Provider::start(|_, _, stream| events(stream) && piece(stream, "data: {\"choices\":[]}\n\n") && end(stream));
    let router = alone(&short, &json!({}));
    assert!(chat(&router, &body).body.contains("ended its answer before it was complete"));
}

#[test]
fn the_routers_key_never_comes_back() {
    let echo = |asked: &Asked| asked.headers.get("authorization").cloned().unwrap_or_default();
    let provider = Provider::start(move |number, asked, stream| {
        let echoed = echo(asked);
        match number {
            0 => whole(
                stream,
                200,
                &format!("x-request-id: 1\r\nx-echo: {echoed}\r\n"),
                &format!("{{\"echo\":\"{echoed}\"}}"),
            ),
            1 => whole(stream, 401, "", &format!("{{\"error\":{{\"message\":\"wrong key {echoed}\"}}}}")),
            _ => {
                let (left, right) = echoed.split_at(20);
                events(stream)
                    && piece(stream, &format!("data: \"{left}"))
                    && piece(stream, &format!("{right}\"\n\ndata: [DONE]\n\n"))
                    && end(stream)
            }
        }
    });
    let router = alone(&provider, &json!({}));
    for stream in [false, false, true] {
        let answer = chat(&router, &json!({"messages": [], "stream": stream}));
        assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
        assert!(answer.body.contains("[redacted]"), "{answer:?}");
    }
    let metrics = router.admin("/metrics").body;
    assert!(!metrics.contains("canary") && !router.log().contains("canary"));
}

#[test]
fn what_the_agent_may_not_ask_is_refused_in_its_own_form() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = alone(&provider, &json!({"tokensPerRequest": 500}));
    for (body, status, code) in [
        (r#"{"model":"gpt-9"}"#, 403, "model.not_allowed"),
        (r#"{"model":"GPT-5"}"#, 403, "model.not_allowed"),
        (r#"{"model":"../../admin"}"#, 403, "model.not_allowed"),
        (r#"{"model":"main","model":"gpt-9"}"#, 400, "args.wrong"),
        ("[]", 400, "args.wrong"),
        ("", 400, "args.wrong"),
        (r#"{"max_tokens":-1}"#, 400, "args.wrong"),
        (r#"{"max_tokens":501}"#, 429, "budget.exceeded"),
        (r#"{"n":100,"max_tokens":10}"#, 429, "budget.exceeded"),
    ] {
        let answer = router.post("/v1/chat/completions", &[], body);
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (status, Some(code)),
            "{body}: {}",
            answer.body
        );
    }
    let refused = router.post("/anthropic/v1/messages", &[], r#"{"model":"gpt-9"}"#).json();
    assert_eq!((&refused["type"], &refused["error"]["type"]), (&json!("error"), &json!("permission_error")));
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(router.post("/v1/chat/completions", &[], &deep).status, 400);
    let large = format!("{{\"messages\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    assert_eq!(router.post("/v1/chat/completions", &[], &large).status, 413);
    assert_eq!(provider.asked().len(), 0);
    let listed = router.get("/v1/models").json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[test]
fn answers_beyond_the_floor_do_not_pass() {
    let found = r#"{"choices":[{"message":{"content":"secret words"},"content_filter_results":{"hate":{"filtered":false,"severity":"high"}}}]}"#;
    let provider = Provider::start(move |number, _, stream| {
        if number == 0 {
            return whole(stream, 200, "", found);
        }
        events(stream)
            && piece(stream, "data: {\"a\":1}\n\n")
            && piece(stream, &format!("data: {found}\n\n"))
            && piece(stream, "data: never\n\n")
            && end(stream)
    });
    let router = alone(&provider, &json!({}));
    let answer = chat(&router, &json!({"messages": []}));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (403, Some("safety.blocked")));
    let streamed = chat(&router, &json!({"messages": [], "stream": true})).body;
    assert!(streamed.starts_with("data: {\"a\":1}\n\n") && streamed.contains("safety.blocked"), "{streamed}");
    assert!(!streamed.contains("secret words") && !streamed.contains("never"), "{streamed}");
}

#[test]
fn a_stream_ends_with_what_allowed_it() {
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let provider = Provider::start(move |_, _, stream| {
        let mut goes_on = events(stream);
        while goes_on && !until.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
            goes_on = piece(stream, "data: {\"choices\":[]}\n\n");
        }
        goes_on && piece(stream, "data: [DONE]\n\n") && end(stream)
    });
    let router = alone(&provider, &json!({}));
    let ask = |model: &str| chat(&router, &json!({"model": model, "messages": [], "stream": true})).body;
    thread::scope(|scope| {
        let taken = scope.spawn(|| (ask("gpt-5"), Instant::now()));
        let kept = scope.spawn(|| ask("main"));
        while provider.asked().len() < 2 {
            thread::sleep(Duration::from_millis(20));
        }
        let now = Instant::now();
        router.rewrite(|document| document["inference"]["allowed"][0]["names"] = json!(["main"]));
        let (answer, ended) = taken.join().expect("it does not panic");
        assert!(answer.contains("event: error") && answer.contains("`gpt-5` is no longer allowed"), "{answer}");
        assert!(ended - now < Duration::from_secs(5), "{:?}", ended - now);
        over.store(true, Ordering::Relaxed);
        let answer = kept.join().expect("it does not panic");
        assert!(answer.ends_with("data: [DONE]\n\n"), "what is still allowed goes on: {answer}");
    });
}

#[test]
fn what_a_provider_runs_is_not_asked_for_past_the_rules() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = alone(&provider, &json!({}));
    let tools = json!([
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x", "server_url": "https://evil.example/mcp"},
        {"type": "function", "name": "own", "parameters": {}},
    ]);
    let answer = router.post("/v1/responses", &[], &json!({"input": "x", "tools": tools}).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let asked: Value = serde_json::from_str(&provider.asked()[0].body).expect("it is JSON");
    assert_eq!(asked["tools"], json!([{"type": "function", "name": "own", "parameters": {}}]));
    for name in ["mcp_servers", "web_search_options", "data_sources", "agent", "agent_reference"] {
        let answer = chat(&router, &json!({"messages": [], name: [{"url": "https://evil.example/mcp"}]}));
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &json!("policy.denied")), "{name}");
    }
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn connections_are_used_again() {
    let ports = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&ports);
    let provider = Provider::start(move |_, _, stream| {
        seen.lock().expect("nobody panics with it").insert(stream.peer_addr().expect("it is connected").port());
        whole(stream, 200, "", ANSWER)
    });
    let router = alone(&provider, &json!({}));
    for _ in 0..20 {
        assert_eq!(chat(&router, &json!({"messages": []})).status, 200);
    }
    let ports = ports.lock().expect("nobody panics with it").len();
    assert!(ports < 10, "{ports} connections for 20 requests, one after the other");
}

#[test]
fn what_comes_at_once_goes_out_in_its_order() {
    let text = |place: usize| format!("data: {{\"choices\":[],\"n\":{place},\"text\":\"{}\"}}\n\n", "x".repeat(place));
    let sent: String = (0..400).map(text).collect::<String>() + "data: [DONE]\n\n";
    let provider = Provider::start(move |_, _, stream| {
        events(stream)
            && (0..400).all(|place| piece(stream, &text(place)))
            && piece(stream, "data: [DONE]\n\n")
            && end(stream)
    });
    let router = alone(&provider, &json!({}));
    let answer = chat(&router, &json!({"stream": true, "messages": []}));
    assert!(answer.body == sent, "{} bytes of {}", answer.body.len(), sent.len());
}

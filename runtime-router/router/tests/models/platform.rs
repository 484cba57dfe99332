//! Hosted tools through the built router: what is offered, what is asked of the provider, what is refused, what it costs.
//! Not here: a real provider.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::provider::{Asked, Provider, whole};
use crate::support::{Answer, Router};

const CANARY: &str = "foundry-canary-0123456789";
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const ALL: [&str; 5] = [
    "foundry.search.web_search",
    "foundry.search.file_search",
    "foundry.code.code_execute",
    "foundry.image.image_generation",
    "foundry.memory.memory",
];

/// A router whose agent has these tools and a Foundry project at this address; the rest of the document is the caller's.
fn router(address: SocketAddr, tools: &[&str], edit: impl FnOnce(&mut Value)) -> Router {
    Router::start_with(
        |document| {
            let granted =
                |tool: &&str| json!({"id": format!("agents.a.tools[{tool}]"), "tool": tool, "enforced": "router"});
            document["tools"] = tools.iter().map(granted).collect();
            document["rules"] = json!([]);
            document["budget"] = json!({});
            document["memory"] =
                json!({"id": "agents.a.memory", "store": "notes", "scope": "agent-a", "shared": false});
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main", "gpt-5.4"], "candidates": ["main"]}],
                "routes": {"main": {
                    "provider": "azure-foundry",
                    "deployment": "gpt-5.4",
                    "dialect": "responses",
                    "endpoint": format!("http://{address}/api/projects/p"),
                    "credential": {"secret": "foundry/KEY"},
                    "contextLength": 1000,
                    "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
                }},
            });
            edit(document);
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/foundry")).expect("the folder is there");
            fs::write(folder.join("credentials/foundry/KEY"), CANARY).expect("it can be written");
        },
    )
}

/// A Foundry project that does everything that it is asked.
fn foundry() -> Provider {
    Provider::start(|_, asked, stream| good(asked, stream))
}

fn good(asked: &Asked, stream: &mut TcpStream) -> bool {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let usage = json!({"input_tokens": 60, "output_tokens": 60, "total_tokens": 120});
    let answer = match asked.path.as_str() {
        "/api/projects/p/openai/v1/responses" => {
            let annotations = match body["tools"][0]["type"].as_str() {
                Some("web_search") => json!([
                    {"type": "url_citation", "url": "https://a.example/", "title": "A"},
                    {"type": "url_citation", "url": "https://a.example/", "title": "A"}
                ]),
                Some("code_interpreter") => json!([
                    {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "/mnt/data/chart.png"},
                    {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_2", "filename": "data.csv"}
                ]),
                _ => json!([]),
            };
            let text = json!({"type": "output_text", "text": "found", "annotations": annotations});
            let output = json!([
                {"type": "reasoning", "summary": []},
                {"type": "code_interpreter_call", "outputs": [{"type": "logs", "logs": "42"}]},
                {"type": "file_search_call", "results": [{"filename": "a.md", "text": "a passage"}]},
                {"type": "message", "role": "assistant", "content": [text]},
            ]);
            json!({"id": "r", "status": "completed", "output": output, "usage": usage})
        }
        "/openai/v1/images/generations" => json!({"data": [{"b64_json": "AAAA"}], "usage": usage}),
        path if path.contains("/openai/v1/containers/cntr_1/files/cfile_") => json!("bytes"),
        path if path.contains(":search_memories") => {
            json!({"search_id": "s", "memories": [{"memory_item": {"content": "likes crabs", "kind": "user_profile"}}], "usage": usage})
        }
        path if path.contains(":update_memories") => json!({"update_id": "u1", "status": "queued"}),
        path if path.contains("/updates/u1") => {
            let operations = json!([{"kind": "create", "memory_item": {"content": "likes crabs"}}]);
            json!({"update_id": "u1", "status": "completed", "result": {"memory_operations": operations, "usage": usage}})
        }
        path if path.contains(":delete_scope") => json!({"object": "memory_store.scope.deleted", "deleted": true}),
        path => panic!("`{path}` is not asked"),
    };
    whole(stream, 200, "", &answer.to_string())
}

fn ask(router: &Router, method: &str, params: &Value) -> Answer {
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    router.post("/platform/mcp", &[ACCEPT], &message.to_string())
}

fn call(router: &Router, tool: &str, arguments: &Value) -> Value {
    ask(router, "tools/call", &json!({"name": tool, "arguments": arguments})).json()["result"].clone()
}

/// The code of a call that is refused.
fn refused(router: &Router, tool: &str, arguments: &Value) -> String {
    let result = call(router, tool, arguments);
    assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
    let text = result["content"][0]["text"].as_str().expect("a refusal is text");
    assert!(!text.contains("canary"), "{text}");
    let detail: Value = serde_json::from_str(text).expect("a refusal is JSON");
    detail["code"].as_str().expect("it has a code").to_owned()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).expect("it is JSON")
}

#[test]
fn what_is_granted_is_offered_and_nothing_else() {
    let provider = foundry();
    let router = router(provider.address, &ALL[..1], |_| ());
    let welcome = ask(&router, "initialize", &json!({"protocolVersion": "2025-06-18"}));
    assert_eq!(welcome.json()["result"]["protocolVersion"], "2025-06-18");
    assert!(welcome.header("mcp-session-id").is_some());
    let listed = ask(&router, "tools/list", &json!({})).json();
    assert_eq!(
        listed["result"]["tools"],
        json!([{
            "name": "web_search",
            "description": "Searches the open web and returns an answer with its sources.",
            "inputSchema": {
                "type": "object",
                "properties": {"query": {"type": "string", "description": "What to search for."}},
                "required": ["query"],
                "additionalProperties": false,
            },
        }])
    );
    assert_eq!(refused(&router, "code_execute", &json!({"input": "1"})), "policy.denied");
    assert_eq!(refused(&router, "agents", &json!({})), "policy.denied");
    assert_eq!(provider.asked().len(), 0);
    assert_eq!(call(&router, "web_search", &json!({"query": "crabs"}))["isError"], false);
    let all = self::router(provider.address, &ALL, |_| ());
    assert_eq!(ask(&all, "tools/list", &json!({})).json()["result"]["tools"].as_array().map(Vec::len), Some(5));
    let get = all.get("/platform/mcp");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(all.post("/platform/mcp", &[], "{}").status, 406);
}

#[test]
fn the_agents_own_model_is_asked_with_one_hosted_tool() {
    let provider = foundry();
    let router = router(provider.address, &ALL, |_| ());
    let found = call(&router, "web_search", &json!({"query": "crabs"}));
    let text = found["content"][0]["text"].as_str().expect("text");
    assert!(text.ends_with("found\n\nSources:\n- A: https://a.example/"), "{text}");
    let [asked] = provider.asked().try_into().expect("it was asked once");
    assert_eq!(asked.headers.get("api-key").map(String::as_str), Some(CANARY));
    assert_eq!(
        body(&asked),
        json!({
            "model": "gpt-5.4",
            "input": "crabs",
            "tools": [{"type": "web_search"}],
            "tool_choice": "required",
            "include": [],
            "store": false,
        })
    );
    let found = call(&router, "file_search", &json!({"query": "crabs", "vector_store_id": "vs_1"}));
    assert!(found["content"][0]["text"].as_str().expect("text").contains("a.md:\na passage"), "{found}");
    assert_eq!(body(&provider.asked()[1])["tools"], json!([{"type": "file_search", "vector_store_ids": ["vs_1"]}]));
    let ran = call(&router, "code_execute", &json!({"input": "print(42)"}));
    assert!(ran["content"][0]["text"].as_str().expect("text").starts_with("42"), "{ran}");
    // `"bytes"`, quotes included, as the provider sends it.
    assert_eq!(ran["content"][1], json!({"type": "image", "data": "ImJ5dGVzIg==", "mimeType": "image/png"}));
    assert_eq!(ran["content"][2]["resource"]["uri"], "file:///data.csv");
    assert_eq!(ran["content"][2]["resource"]["blob"], "ImJ5dGVzIg==");
}

#[test]
fn a_picture_is_drawn_by_the_account() {
    let provider = foundry();
    let router = router(provider.address, &ALL, |_| ());
    let drawn = call(&router, "image_generation", &json!({"prompt": "a crab"}));
    assert_eq!(drawn["content"][1], json!({"type": "image", "data": "AAAA", "mimeType": "image/png"}));
    let asked = body(&provider.asked()[0]);
    assert_eq!((&asked["model"], &asked["prompt"]), (&json!("gpt-image-1"), &json!("a crab")));
}

#[test]
fn a_memory_is_the_documents_and_never_an_arguments() {
    let provider = foundry();
    let router = router(provider.address, &ALL, |_| ());
    for (arguments, text) in [
        (json!({"operation": "search", "query": "crabs"}), "- likes crabs"),
        (json!({"operation": "update", "items": ["likes crabs"]}), "- create: likes crabs"),
        (json!({"operation": "delete_scope"}), "Everything is forgotten."),
    ] {
        let done = call(&router, "memory", &arguments);
        assert_eq!((&done["isError"], &done["content"][0]["text"]), (&json!(false), &json!(text)), "{arguments}");
    }
    let asked = provider.asked();
    assert_eq!(asked[0].path, "/api/projects/p/memory_stores/notes:search_memories?api-version=v1");
    assert_eq!(asked[0].headers.get("foundry-features").map(String::as_str), Some("MemoryStores=V1Preview"));
    let own = asked.iter().filter(|asked| !asked.body.is_empty()).all(|asked| body(asked)["scope"] == "agent-a");
    assert!(own, "{asked:?}");
    let before = provider.asked().len();
    for (arguments, code) in [
        (json!({"operation": "search", "query": "x", "scope": "agent-b"}), "args.wrong"),
        (json!({"operation": "search", "query": "x", "store": "other"}), "args.wrong"),
        (json!({"operation": "delete_store"}), "args.wrong"),
        (json!({"operation": "delete_scope", "query": "x"}), "args.wrong"),
        (json!({"operation": "update", "items": [{"content": "x", "scope": "agent-b"}]}), "args.wrong"),
        (json!({"operation": "search"}), "args.missing"),
        (json!({"operation": "update", "items": []}), "args.missing"),
        (json!({}), "args.wrong"),
    ] {
        assert_eq!(refused(&router, "memory", &arguments), code, "{arguments}");
    }
    assert_eq!(provider.asked().len(), before);
}

#[test]
fn a_store_that_is_missing_is_created_once_where_the_document_says_how() {
    let missing = |_: usize, asked: &Asked, stream: &mut TcpStream| {
        if asked.path.contains(':') { whole(stream, 404, "", "{}") } else { whole(stream, 201, "", "{}") }
    };
    let provider = Provider::start(missing);
    let search = json!({"operation": "search", "query": "crabs"});
    let without = router(provider.address, &ALL, |_| ());
    assert_eq!(refused(&without, "memory", &search), "memory.store_missing");
    assert_eq!(provider.asked().len(), 1);
    let create = |document: &mut Value| {
        document["memory"]["create"] = json!({"embedding": "text-embedding-3-small"});
        document["memory"]["retentionDays"] = json!(7);
    };
    let still = router(provider.address, &ALL, create);
    assert_eq!(refused(&still, "memory", &search), "memory.store_missing");
    let paths: Vec<String> = provider.asked().iter().skip(1).map(|asked| asked.path.clone()).collect();
    let asked = "/api/projects/p/memory_stores/notes:search_memories?api-version=v1";
    assert_eq!(paths, [asked, "/api/projects/p/memory_stores?api-version=v1", asked]);
    let definition = json!({
        "kind": "default",
        "chat_model": "gpt-5.4",
        "embedding_model": "text-embedding-3-small",
        "options": {"user_profile_enabled": true, "chat_summary_enabled": true, "default_ttl_seconds": 604_800},
    });
    assert_eq!(body(&provider.asked()[2]), json!({"name": "notes", "definition": definition}));
    let provider = Provider::start(|number, asked, stream| match number {
        0 => whole(stream, 404, "", "{}"),
        1 => whole(stream, 409, "", "{}"),
        _ => good(asked, stream),
    });
    let faster = router(provider.address, &ALL, create);
    assert_eq!(call(&faster, "memory", &search)["content"][0]["text"], "- likes crabs");
}

#[test]
fn rules_decide_calls_by_their_arguments() {
    let provider = foundry();
    let router = router(provider.address, &ALL, |document| {
        document["rules"] = json!([
            {"id": "rules.r[0]", "effect": "allow", "tool": "foundry.search.file_search", "when": {"args": {"vector_store_id": {"oneOf": ["vs_1"]}}}, "enforced": "router"},
            {"id": "rules.r[1]", "effect": {"limit": {"calls": 1, "perSeconds": 3600}}, "tool": "foundry.search.web_search", "when": {"args": {}}, "enforced": "router"},
            {"id": "rules.r[2]", "effect": "deny", "tool": "foundry.memory.memory", "when": {"args": {"operation": {"oneOf": ["delete_scope"]}}}, "enforced": "router"},
        ]);
    });
    let of_store = |store: &str| json!({"query": "crabs", "vector_store_id": store});
    assert_eq!(call(&router, "file_search", &of_store("vs_1"))["isError"], false);
    assert_eq!(refused(&router, "file_search", &of_store("vs_2")), "policy.denied");
    assert_eq!(call(&router, "web_search", &json!({"query": "crabs"}))["isError"], false);
    assert_eq!(refused(&router, "web_search", &json!({"query": "crabs"})), "policy.limited");
    assert_eq!(refused(&router, "memory", &json!({"operation": "delete_scope"})), "policy.denied");
    assert_eq!(provider.asked().len(), 2);
    let metrics = router.admin("/metrics").body;
    for line in [
        r#"kars_router_platform_calls_total{tool="web_search",outcome="answered"} 1"#,
        r#"kars_router_platform_calls_total{tool="web_search",outcome="refused"} 1"#,
        r#"kars_router_decisions_total{kind="platform",outcome="deny-rule"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[test]
fn calls_are_paid_for_out_of_the_agents_tokens() {
    for (tool, arguments) in [
        ("web_search", json!({"query": "crabs"})),
        ("image_generation", json!({"prompt": "a crab"})),
        ("memory", json!({"operation": "search", "query": "crabs"})),
        ("memory", json!({"operation": "update", "items": ["likes crabs"]})),
    ] {
        let provider = foundry();
        let router = router(provider.address, &ALL, |document| document["budget"] = json!({"tokensPerDay": 200}));
        assert_eq!(call(&router, tool, &arguments)["isError"], false, "{tool}");
        assert_eq!(call(&router, tool, &arguments)["isError"], false, "{tool}: 120 of 200 are used");
        let before = provider.asked().len();
        assert_eq!(refused(&router, tool, &arguments), "budget.exceeded", "{tool}");
        assert_eq!(provider.asked().len(), before);
    }
}

#[test]
fn what_a_provider_refuses_is_no_result() {
    let echo = |asked: &Asked| asked.headers.get("api-key").cloned().unwrap_or_default();
    for (status, code) in [
        (401, "upstream.denied"),
        (403, "upstream.denied"),
        (404, "upstream.failed"),
        (429, "upstream.unavailable"),
        (500, "upstream.failed"),
    ] {
        let provider = Provider::start(move |_, asked, stream| {
            let error = json!({"error": {"message": format!("no, {}", echo(asked)), "code": "x"}});
            whole(stream, status, "retry-after: 17\r\n", &error.to_string())
        });
        let router = router(provider.address, &ALL, |document| document["budget"] = json!({"tokensPerDay": 200}));
        for (tool, arguments) in [
            ("web_search", json!({"query": "crabs"})),
            ("image_generation", json!({"prompt": "a crab"})),
            ("memory", json!({"operation": "delete_scope"})),
        ] {
            let code = if (tool, status) == ("memory", 404) { "memory.store_missing" } else { code };
            assert_eq!(refused(&router, tool, &arguments), code, "{tool} {status}");
        }
        assert!(!router.log().contains("canary"));
    }
    let half = json!({"status": "incomplete", "output": [], "error": null});
    let provider = Provider::start(move |_, _, stream| whole(stream, 200, "", &half.to_string()));
    let short = router(provider.address, &ALL, |_| ());
    assert_eq!(refused(&short, "web_search", &json!({"query": "crabs"})), "upstream.failed");
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", "<html>"));
    let odd = router(provider.address, &ALL, |_| ());
    for (tool, arguments) in [("web_search", json!({"query": "x"})), ("image_generation", json!({"prompt": "x"}))] {
        assert_eq!(refused(&odd, tool, &arguments), "upstream.failed");
    }
}

#[test]
fn what_is_too_large_or_comes_too_late_is_refused() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", &"x".repeat(5000)));
    let small = |document: &mut Value| document["limits"]["inferenceResponseBytes"] = json!(4096);
    let router = router(provider.address, &ALL, small);
    for (tool, arguments) in [("web_search", json!({"query": "x"})), ("memory", json!({"operation": "delete_scope"}))] {
        assert_eq!(refused(&router, tool, &arguments), "upstream.failed", "{tool}");
    }
    let silent = Provider::start(|_, _, stream| {
        use std::io::Write;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
        stream.write_all(head.as_bytes()).is_ok()
    });
    let router = self::router(silent.address, &ALL, |document| document["limits"]["inferenceIdleSeconds"] = json!(1));
    assert_eq!(refused(&router, "web_search", &json!({"query": "x"})), "upstream.timeout");
}

#[test]
fn a_provider_that_hosts_no_tools_is_not_asked_for_them() {
    let provider = foundry();
    let router = router(provider.address, &ALL, |document| {
        document["inference"]["routes"]["main"]["provider"] = json!("openai");
    });
    assert_eq!(ask(&router, "tools/list", &json!({})).json()["result"]["tools"], json!([]));
    for (tool, arguments) in [("web_search", json!({"query": "x"})), ("memory", json!({"operation": "delete_scope"}))] {
        assert_eq!(refused(&router, tool, &arguments), "platform.unsupported_for_provider");
    }
    let mute = self::router(provider.address, &ALL, |document| {
        document["inference"]["routes"]["main"]["dialect"] = json!("chat-completions");
    });
    assert_eq!(refused(&mute, "web_search", &json!({"query": "x"})), "platform.unsupported_for_provider");
    assert_eq!(call(&mute, "memory", &json!({"operation": "delete_scope"}))["isError"], false);
    assert_eq!(provider.asked().len(), 1);
}

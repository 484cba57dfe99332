//! Credentials that are exchanged for tokens, between a scripted issuer and a scripted provider. Not here: time, which the cache's
//! own tests hold.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::provider::{Asked, Provider, whole};
use crate::support::{Answer, Router};

const GITHUB: &str = "gho_canary0123456789";
const ASSERTION: &str = "canary.service.account";
const TOKEN: &str = "canary;issued=1:token";
const TENANT: &str = "0d1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
const CLIENT: &str = "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b11";
const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// Each form of credential that is exchanged: provider, credential, the issuer's entry, and how it answers.
fn forms() -> [(&'static str, Value, &'static str, String); 3] {
    let secret = json!({"secret": "github/TOKEN"});
    let workload = json!({"workloadIdentity": {"clientId": CLIENT, "tenantId": TENANT}});
    let far = 4_000_000_000_u64;
    [
        (
            "github-copilot",
            secret,
            "copilot-exchange",
            json!({"token": TOKEN, "expires_at": far, "refresh_in": 1500}).to_string(),
        ),
        (
            "azure-openai",
            workload,
            "token-exchange",
            json!({"token_type": "Bearer", "access_token": TOKEN, "expires_in": 3599}).to_string(),
        ),
        (
            "azure-foundry",
            json!({"managedIdentity": {}}),
            "node-identity",
            json!({"access_token": TOKEN, "expires_in": "3599", "expires_on": far.to_string()}).to_string(),
        ),
    ]
}

/// A router whose one model is `provider`, shown what `issuer` gives for `credential`.
fn router(provider: SocketAddr, issuer: SocketAddr, (kind, credential, entry): (&str, &Value, &str)) -> Router {
    Router::start_with(
        |document| {
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main"], "candidates": ["main"]}],
                "routes": {"main": route(provider, kind, credential)},
            });
            document["infra"][entry] = json!({"cidr": "127.0.0.1/32", "ports": [issuer.port()]});
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/github")).expect("the folder is there");
            fs::write(folder.join("credentials/github/TOKEN"), format!("{GITHUB}\n")).expect("it can be written");
            fs::write(folder.join("identity-token"), ASSERTION).expect("it can be written");
        },
    )
}

fn route(provider: SocketAddr, kind: &str, credential: &Value) -> Value {
    json!({
        "provider": kind,
        "deployment": "gpt-5",
        "dialect": "chat-completions",
        "endpoint": if kind == "azure-foundry" { format!("http://{provider}/api/projects/brief") } else { format!("http://{provider}") },
        "credential": credential,
        "contextLength": 1000,
        "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
    })
}

fn chat(router: &Router) -> Answer {
    router.post("/v1/chat/completions", &[], r#"{"messages":[]}"#)
}

fn authorization(asked: &Asked) -> &str {
    asked.headers.get("authorization").map(String::as_str).unwrap_or_default()
}

/// Echoes what it is shown.
fn echo(_: usize, asked: &Asked, stream: &mut TcpStream) -> bool {
    whole(stream, 200, "", &format!("{{\"usage\":{{\"total_tokens\":2}},\"echo\":\"{}\"}}", authorization(asked)))
}

#[test]
fn a_provider_is_shown_the_token_and_nothing_that_was_exchanged() {
    for (kind, credential, entry, answer) in forms() {
        let issuer = Provider::start(move |_, _, stream| whole(stream, 200, "", &answer));
        let provider = Provider::start(echo);
        let router = router(provider.address, issuer.address, (kind, &credential, entry));
        router.until_ready(true);
        let first = chat(&router);
        assert_eq!(first.status, 200, "{kind}: {first:?}");
        assert!(first.body.contains("[redacted]"), "{kind}: {first:?}");
        assert_eq!(chat(&router).status, 200);
        let [one, two] = provider.asked().try_into().expect("it was asked twice");
        for asked in [one, two] {
            assert_eq!(authorization(&asked), format!("Bearer {TOKEN}"), "{kind}");
            assert!(!format!("{asked:?}").contains(GITHUB) && !format!("{asked:?}").contains(ASSERTION), "{kind}");
        }
        let [exchange] = issuer.asked().try_into().expect("it was asked once");
        is_asked_as_documented(kind, &exchange);
        let metrics = router.admin("/metrics").body;
        let line = format!("kars_router_token_exchanges_total{{issuer=\"{entry}\",outcome=\"issued\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
        let state = router.admin("/readyz").body;
        for (place, text) in [("log", router.log()), ("metrics", metrics), ("readyz", state), ("answer", first.body)] {
            assert!(!text.contains("canary"), "{kind}: {place}: {text}");
        }
    }
}

fn is_asked_as_documented(kind: &str, asked: &Asked) {
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    match kind {
        "github-copilot" => {
            assert_eq!(asked.path, "/copilot_internal/v2/token");
            assert_eq!(header("authorization"), Some(format!("token {GITHUB}").as_str()));
            assert_eq!(header("editor-version"), Some("vscode/1.107.0"));
            assert_eq!(header("user-agent"), Some("GitHubCopilotChat/0.35.0"));
        }
        "azure-openai" => {
            assert_eq!(asked.path, format!("/{TENANT}/oauth2/v2.0/token"));
            assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
            let body = format!(
                "grant_type=client_credentials&client_id={CLIENT}&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default\
                 &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={ASSERTION}"
            );
            assert_eq!(asked.body, body);
        }
        _ => {
            let query = "api-version=2018-02-01&resource=https%3A%2F%2Fai.azure.com";
            assert_eq!(asked.path, format!("/metadata/identity/oauth2/token?{query}"));
            assert_eq!(header("metadata"), Some("true"));
        }
    }
}

#[test]
fn a_hundred_requests_cause_one_exchange() {
    let [(kind, credential, entry, answer), ..] = forms();
    let issuer = Provider::start(move |_, _, stream| {
        thread::sleep(Duration::from_millis(500));
        whole(stream, 200, "", &answer)
    });
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = router(provider.address, issuer.address, (kind, &credential, entry));
    thread::scope(|scope| {
        let all: Vec<_> = (0..100).map(|_| scope.spawn(|| chat(&router).status)).collect();
        assert!(all.into_iter().all(|one| one.join().is_ok_and(|status| status == 200)));
    });
    assert_eq!((issuer.asked().len(), provider.asked().len()), (1, 100));
}

#[test]
fn a_token_that_its_provider_refuses_is_replaced_once() {
    let [(kind, credential, entry, _), ..] = forms();
    let issuer = Provider::start(|number, _, stream| {
        let body = json!({"token": format!("token-{number}"), "expires_at": 4_000_000_000_u64});
        whole(stream, 200, "", &body.to_string())
    });
    let provider = Provider::start(|_, asked, stream| {
        if authorization(asked) == "Bearer token-1" {
            return whole(stream, 200, "", ANSWER);
        }
        whole(stream, 401, "", r#"{"error":{"message":"token expired"}}"#)
    });
    let one = router(provider.address, issuer.address, (kind, &credential, entry));
    assert_eq!(chat(&one).status, 200);
    assert_eq!((issuer.asked().len(), provider.asked().len()), (2, 2));
    assert_eq!(provider.asked()[0].body, provider.asked()[1].body);
    let never = Provider::start(|_, _, stream| whole(stream, 401, "", r#"{"error":{"message":"no seat"}}"#));
    let other = router(never.address, issuer.address, (kind, &credential, entry));
    for _ in 0..5 {
        let answer = chat(&other);
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains("no seat"), "the provider's own words pass: {answer:?}");
    }
    assert_eq!((issuer.asked().len(), never.asked().len()), (4, 6), "one exchange at the start, one instead");
}

#[test]
fn an_issuer_that_refuses_is_told_of_without_its_words() {
    let [copilot, (kind, credential, entry, _), _] = forms();
    let refused = json!({
        "error": "invalid_client",
        "error_description": format!("AADSTS70021: no match for {ASSERTION}"),
        "error_codes": [70021],
    });
    let issuer = Provider::start(move |_, _, stream| whole(stream, 401, "", &refused.to_string()));
    let provider = Provider::start(echo);
    let one = router(provider.address, issuer.address, (kind, &credential, entry));
    let answer = chat(&one);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("upstream.unavailable")));
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "Microsoft Entra answers 401 (invalid_client, AADSTS70021) instead of a token");
    assert!(error["help"].as_str().is_some_and(|help| help.contains("`tenantId`")), "{error}");
    let state = one.until_ready(false);
    assert_eq!(state["credentials"]["main"], error["message"]);
    assert_eq!(provider.asked().len(), 0);
    let asked = issuer.asked().len();
    for _ in 0..50 {
        assert_eq!(chat(&one).status, 503);
    }
    assert!(issuer.asked().len() <= asked + 4, "it is left alone for longer and longer");
    assert!(!one.log().contains("canary") && !format!("{state} {answer:?}").contains("canary"));
    // Another candidate has what it needs, and answers.
    let (spare, github) =
        (Provider::start(echo), Provider::start(move |_, _, stream| whole(stream, 200, "", &copilot.3)));
    let two = Router::start_with(
        |document| {
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main"], "candidates": ["main", "spare"]}],
                "routes": {"main": route(provider.address, kind, &credential), "spare": route(spare.address, copilot.0, &copilot.1)},
            });
            document["infra"][entry] = json!({"cidr": "127.0.0.1/32", "ports": [issuer.address.port()]});
            document["infra"][copilot.2] = json!({"cidr": "127.0.0.1/32", "ports": [github.address.port()]});
        },
        |folder| {
            fs::create_dir_all(folder.join("credentials/github")).expect("the folder is there");
            fs::write(folder.join("credentials/github/TOKEN"), GITHUB).expect("it can be written");
        },
    );
    let state = two.until_ready(true);
    assert_eq!(chat(&two).status, 200);
    assert!(state["credentials"]["main"].is_string() && state["credentials"]["spare"].is_null(), "{state}");
}

#[test]
fn what_is_missing_is_told_before_a_request_and_until_it_is_there() {
    let provider = Provider::start(echo);
    let secret = json!({"secret": "late/KEY"});
    let router = router(provider.address, provider.address, ("openai", &secret, "unused"));
    let state = router.until_ready(false);
    assert_eq!(state["credentials"]["main"], "the router's credential `late/KEY` is not there");
    fs::create_dir_all(router.folder().join("credentials/late")).expect("it can be made");
    fs::write(router.folder().join("credentials/late/KEY"), "sk-late").expect("it can be written");
    let state = router.until_ready(true);
    assert!(state["credentials"].is_null() && state["problem"].is_null(), "{state}");
    assert_eq!(chat(&router).status, 200);
}

#[test]
fn an_issuer_that_answers_anything_else_issues_nothing() {
    let [(kind, credential, entry, _), ..] = forms();
    for body in [
        "",
        "[]",
        r#"{"token":"","expires_at":4000000000}"#,
        r#"{"token":"a b","expires_at":4000000000}"#,
        r#"{"token":"t","expires_at":1000}"#,
        r#"{"token":"t"}"#,
    ] {
        let issuer = Provider::start(move |_, _, stream| whole(stream, 200, "", body));
        let provider = Provider::start(echo);
        let router = router(provider.address, issuer.address, (kind, &credential, entry));
        assert_eq!(chat(&router).status, 503, "{body}");
        assert_eq!(provider.asked().len(), 0, "{body}");
        assert!(router.admin("/metrics").body.contains("outcome=\"malformed\""), "{body}");
    }
}

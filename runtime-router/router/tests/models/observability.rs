//! Whether the dashboard and the alerts ask for what a running router says of itself, and whether an agent can make it say more.
//!
//! The files are made here from the registry: `UPDATE=1` writes them. Not here: what single metrics mean.

mod alerts;
mod dashboard;
mod query;
mod reference;
mod scrape;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use kars_router::metrics::Metrics;
use kars_router::metrics::catalog::{Type, Values};
use serde_json::{Value, json};

use crate::provider::{Provider, end, events, piece, whole};
use crate::support::Router;
use scrape::Scrape;

const DASHBOARD: &str = "docs/observability/dashboard.json";
const ALERTS: &str = "docs/observability/alerts.yaml";
const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":10}}"#;
const STREAM: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
/// What Prometheus adds to every sample of a pod.
const OF_TARGETS: [&str; 2] = ["namespace", "pod"];

/// A router whose `main` fails and whose `spare` answers, with one MCP server and one host.
pub(crate) struct Agent {
    pub(crate) router: Router,
    /// `main`, `spare` and the server.
    pub(crate) providers: [Provider; 3],
}

impl Agent {
    /// Starts them by a document that is edited last by `more`.
    pub(crate) fn start(more: impl FnOnce(&mut Value)) -> Self {
        let main = Provider::start(|_, _, stream| whole(stream, 503, "", "{}"));
        let spare = Provider::start(|_, asked, stream| {
            if asked.body.contains("\"stream\":true") {
                return events(stream) && piece(stream, STREAM) && end(stream);
            }
            whole(stream, 200, "", ANSWER)
        });
        let server = Provider::start(|_, asked, stream| crate::mcp::answer(asked, stream, false));
        let route = |provider: &Provider, deployment: &str| {
            json!({
                "provider": "openai", "deployment": deployment, "dialect": "responses",
                "endpoint": format!("http://{}", provider.address), "contextLength": 1000,
                "credential": {"secret": "openai/KEY"},
                "safety": {"promptShields": false, "hate": "medium", "selfHarm": "medium", "sexual": "medium", "violence": "medium"},
            })
        };
        let edit = |document: &mut Value| {
            document["inference"] = json!({
                "default": "main",
                "allowed": [{"id": "agents.a.model[main]", "names": ["main", "gpt-5"], "candidates": ["main", "spare"]}],
                "routes": {"main": route(&main, "gpt-5"), "spare": route(&spare, "gpt-5-mini"), "silent": route(&spare, "gpt-5-mini")},
            });
            // Nobody issues tokens for this one, which nobody asks.
            document["inference"]["routes"]["silent"]["credential"] = json!({"managedIdentity": {}});
            document["infra"]["node-identity"] = json!({"cidr": "127.0.0.1/32", "ports": [9]});
            document["budget"] = json!({"tokensPerDay": 100_000, "tokensPerMonth": 1_000_000});
            document["egress"] = json!([{"id": "egress[0]", "host": "good.example.org", "ports": [443], "reason": "a test", "labels": []}]);
            document["limits"]["dnsSeconds"] = json!(1);
            let url = format!("http://{}/mcp", server.address);
            document["mcp"] =
                json!({"wiki": {"id": "agents.a.mcp[wiki]", "url": url, "tools": ["ask"], "timeoutSeconds": 5}});
            document["rules"] = json!([]);
            more(document);
        };
        let router = Router::start_with(edit, |folder| {
            fs::create_dir_all(folder.join("credentials/openai")).expect("the folder is there");
            fs::write(folder.join("credentials/openai/KEY"), "sk-canary").expect("it can be written");
        });
        Self { router, providers: [main, spare, server] }
    }

    /// Calls a tool.
    pub(crate) fn call(&self, tool: &str) {
        self.call_at("/mcp", tool);
    }

    fn call_at(&self, path: &str, tool: &str) {
        let message =
            json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
        let accept = [("accept", "application/json, text/event-stream")];
        assert_eq!(self.router.post(path, &accept, &message.to_string()).status, 200);
    }
}

/// Something of everything that is counted.
fn traffic(agent: &Agent) {
    let router = &agent.router;
    for stream in [false, true] {
        let body = json!({"model": "gpt-5", "stream": stream, "messages": []}).to_string();
        assert_eq!(router.post("/v1/chat/completions", &[], &body).status, 200);
    }
    assert_eq!(router.post("/v1/chat/completions", &[], r#"{"model": "other", "messages": []}"#).status, 403);
    agent.call("wiki.ask");
    agent.call_at("/platform/mcp", "web_search");
    router.post("/egress/fetch", &[], r#"{"url": "https://good.example.org/"}"#);
    router.post("/agt/evaluate", &[], r#"{"tool": "unknown"}"#);
    assert_eq!(router.proxy("CONNECT evil.example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n"), 403);
    router.resolve("evil.example.org");
    while !router.admin("/metrics").body.contains("kars_router_token_exchanges_total{") {
        sleep(Duration::from_millis(20));
    }
}

pub(crate) fn scraped(router: &Router) -> Scrape {
    Scrape::read(&router.admin("/metrics").body)
}

/// Compares a committed file with what it should hold, or writes it.
#[track_caller]
fn assert_generated(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("the folder can be made");
        return fs::write(file, made).expect("it can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "{path} is not what the registry says; `just bless` writes it");
}

/// Every query of the files, with where it stands.
fn queries() -> Vec<(String, String)> {
    let alerts = alerts::ALERTS.iter().map(|alert| (alert.name.to_owned(), alert.query.to_owned()));
    let mut all: Vec<(String, String)> = alerts.collect();
    let dashboard = dashboard::made(Metrics::default().entries());
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    for variable in dashboard["templating"]["list"].as_array().expect("it has variables") {
        if variable["type"] == "query" {
            all.push((text(&variable["name"]), text(&variable["definition"])));
        }
    }
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            all.push((text(&panel["title"]), text(&target["expr"])));
        }
    }
    all
}

#[test]
fn the_files_are_what_the_registry_says() {
    let metrics = Metrics::default();
    let dashboard = serde_json::to_string_pretty(&dashboard::made(metrics.entries())).expect("its keys are text");
    assert_generated(DASHBOARD, &(dashboard + "\n"));
    let rules = serde_saphyr::to_string(&alerts::made()).expect("it is plain data");
    assert_generated(
        ALERTS,
        &format!("# Alert rules for Prometheus, made from the registry of metrics (`just bless`).\n{rules}"),
    );
    assert_generated("docs/reference/metrics.md", &reference::made(metrics.entries()));
}

#[test]
fn dashboard_and_alerts_ask_for_what_a_router_says() {
    let agent = Agent::start(|_| ());
    let router = &agent.router;
    traffic(&agent);
    let (scrape, metrics) = (scraped(router), Metrics::default());
    for (place, text) in queries() {
        for asked in query::asked(&text) {
            let entry = metrics.entries().iter().find(|entry| entry.sample() == asked.name);
            let entry = entry.unwrap_or_else(|| panic!("{place}: no metric has samples called `{}`", asked.name));
            assert_eq!(scrape.types.get(&entry.name).map(String::as_str), Some(entry.kind.as_str()), "{place}");
            let labels = scrape.labels(asked.name).unwrap_or_else(|| panic!("{place}: `{}` has no sample", asked.name));
            let missing: Vec<_> = asked.labels.iter().filter(|label| !labels.contains(**label)).collect();
            assert!(missing.iter().all(|label| OF_TARGETS.contains(*label)), "{place}: {missing:?} of {text}");
            let grows = matches!(entry.kind, Type::Counter | Type::Histogram);
            assert_eq!(matches!(asked.function, Some("rate" | "increase")), grows, "{place}: {text}");
            for (label, value) in asked.equal {
                let known = entry.labels.iter().find(|known| known.name == label).map(|known| known.values);
                assert!(matches!(known, Some(Values::These(words)) if words.contains(&value)), "{place}: {text}");
            }
        }
    }
}

#[test]
fn a_scrape_holds_what_the_registry_says_and_nothing_else() {
    let agent = Agent::start(|_| ());
    let router = &agent.router;
    traffic(&agent);
    let (scrape, metrics) = (scraped(router), Metrics::default());
    let named: BTreeMap<&str, &str> =
        metrics.entries().iter().map(|entry| (entry.name.as_str(), entry.kind.as_str())).collect();
    let found: BTreeMap<&str, &str> = scrape.types.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(found, named);
    for entry in metrics.entries() {
        let mut labels: BTreeSet<&str> = entry.labels.iter().map(|label| label.name).collect();
        if entry.kind == Type::Histogram {
            labels.insert("le");
        }
        assert_eq!(scrape.labels(&entry.sample()), Some(labels), "{}", entry.name);
    }
    for sample in &scrape.samples {
        let entry = metrics
            .entries()
            .iter()
            .find(|entry| sample.name.starts_with(&entry.name) && sample.name.len() <= entry.name.len() + 7);
        for label in entry.expect("it was named").labels {
            let value = sample.labels[label.name].as_str();
            assert!(!matches!(label.values, Values::These(words) if !words.contains(&value)), "{sample:?}");
        }
    }
}

#[test]
fn what_happened_is_counted() {
    let agent = Agent::start(|_| ());
    let router = &agent.router;
    traffic(&agent);
    let scrape = scraped(router);
    for (name, labels, count) in [
        ("inference_requests_total", vec![("model", "spare"), ("provider", "openai"), ("outcome", "answered")], 2.0),
        ("inference_requests_total", vec![("model", ""), ("outcome", "refused")], 1.0),
        ("inference_attempts_total", vec![("model", "main"), ("outcome", "failed")], 2.0),
        ("inference_tokens_total", vec![("model", "spare"), ("direction", "input")], 23.0),
        ("inference_tokens_total", vec![("model", "spare"), ("direction", "output")], 14.0),
        ("inference_time_to_first_token_seconds_count", vec![("model", "spare")], 1.0),
        ("inference_duration_seconds_count", vec![], 3.0),
        ("inference_duration_seconds_bucket", vec![("model", "spare"), ("le", "600.0")], 2.0),
        ("budget_used_tokens", vec![("period", "day")], 37.0),
        ("budget_remaining_tokens", vec![("period", "month")], 1_000_000.0 - 37.0),
        ("refusals_total", vec![("kind", "inference"), ("code", "model.not_allowed")], 1.0),
        // One of them is the router's probe of itself.
        ("refusals_total", vec![("kind", "connect"), ("code", "egress.denied")], 2.0),
        ("refusals_total", vec![("kind", "fetch"), ("code", "egress.unresolved")], 1.0),
        ("http_requests_total", vec![("route", "chat-completions"), ("status", "2xx")], 2.0),
        ("http_requests_total", vec![("route", "chat-completions"), ("status", "4xx")], 1.0),
        ("http_requests_in_flight", vec![], 0.0),
        ("mcp_calls_total", vec![("server", "wiki"), ("outcome", "answered")], 1.0),
        ("dns_answers_total", vec![("answer", "no-name")], 1.0),
        ("policy_ready", vec![], 1.0),
        ("policy_info", vec![], 1.0),
    ] {
        let name = format!("kars_router_{name}");
        assert_eq!(scrape.sum(&name, &labels).to_bits(), f64::to_bits(count), "{name} {labels:?}");
    }
    let third = json!({"model": "gpt-5", "messages": []}).to_string();
    assert_eq!(router.post("/v1/chat/completions", &[], &third).status, 200);
    assert!(scraped(router).sum("kars_router_inference_breaker_open", &[("model", "main")]) > 0.0);
}

/// Nothing that an agent makes up becomes a series.
#[test]
fn made_up_names_make_no_series() {
    let agent = Agent::start(|_| ());
    let router = &agent.router;
    traffic(&agent);
    let flood = |number: usize| {
        let name = format!("x{number}");
        router.get(&format!("/{name}"));
        router.post("/v1/chat/completions", &[], &json!({"model": name, "messages": []}).to_string());
        router.post("/agt/evaluate", &[], &json!({"tool": name, "agent_id": name}).to_string());
        router.post("/egress/fetch", &[], &json!({"url": format!("https://{name}.example.org/")}).to_string());
        agent.call(&format!("wiki.{name}"));
        agent.call(&format!("{name}.ask"));
        router.post(
            "/mcp",
            &[("accept", "*/*"), ("x-kars-mcp-server", &name)],
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
        );
        router.proxy(&format!("CONNECT {name}.example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n"));
        router.proxy(&format!("GET http://{name}.example.org/ HTTP/1.1\r\nhost: {name}.example.org\r\n\r\n"));
        router.resolve(&format!("{name}.example.org"));
    };
    flood(0);
    let before = router.admin("/metrics").body;
    (1..40).for_each(flood);
    let after = router.admin("/metrics").body;
    assert_eq!(Scrape::read(&after).samples.len(), Scrape::read(&before).samples.len());
    let counted = |text: &str| Scrape::read(text).sum("kars_router_refusals_total", &[]);
    assert!(counted(&after) >= counted(&before) + 39.0 * 9.0, "the flood was counted");
    assert!(!after.contains("x39"), "{after}");
}

/// The rules of Prometheus' own checks: base units, `_total` for counters and for nothing else, help that says something.
#[test]
fn names_follow_the_rules() {
    let metrics = Metrics::default();
    for entry in metrics.entries() {
        let name = &entry.name;
        assert!(name.starts_with("kars_router_") && !name.contains("__"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(entry.unit.is_none_or(|unit| name.ends_with(unit)), "{name}");
        for word in ["total", "count", "sum", "bucket", "milliseconds", "minutes", "kilobytes", "counter", "gauge"] {
            assert!(!name.split('_').any(|part| part == word), "{name}: `{word}`");
        }
        assert!(!entry.help.ends_with('.') && entry.help.len() > 10, "{name}: {}", entry.help);
        assert!(entry.kind != Type::Histogram || entry.unit.is_some(), "{name} measures nothing");
    }
}

//! One allowed and one refused request of each kind that a document has. Not here: which kinds those are.

use std::collections::BTreeSet;

use kars_contract::host_pattern::HostPattern;
use kars_contract::permits::Arguments;
use kars_contract::router::{ArgumentMatcher, Dialect, Effect, Enforcer, RouterDocument, ToolRule};
use kars_contract::{RuleId, ToolId, agent_api};
use karsc_core::sources::Files;
use serde_json::{Value, json};

use super::kinds::{Kind, Seen, assert_named};
use super::outside::{Arrived, Outside};
use super::served::{Answer, CANARY, Served};

/// A host that no document of the examples lists.
const UNLISTED: &str = "unlisted.example.net";

/// A document, and what of it was seen.
pub(super) struct Asking<'a> {
    pub(super) document: &'a RouterDocument,
    pub(super) sources: &'a dyn Files,
    pub(super) seen: BTreeSet<(Kind, Seen)>,
}

impl Asking<'_> {
    fn allowed(&mut self, kind: Kind) {
        self.seen.insert((kind, Seen::Allowed));
    }

    fn refused(&mut self, kind: Kind) {
        self.seen.insert((kind, Seen::Refused));
    }

    fn named(&self, told: &Value, rule: &RuleId) {
        assert_named(told, rule, self.document, self.sources);
    }

    /// A refusal by a rule, and what is the same in all of them.
    fn refused_by(&self, answer: &Answer, status: u16, code: &str, rule: Option<&RuleId>) {
        let told = &answer.json()["error"];
        assert_eq!((answer.status, told["code"].as_str()), (status, Some(code)), "{}", answer.body);
        assert!(told["message"].is_string() && told["help"].is_string(), "{told}");
        match rule {
            Some(rule) => self.named(told, rule),
            // What nothing allows, no rule has refused.
            None => assert!(told.get("rule").is_none() && told.get("origin").is_none(), "{told}"),
        }
    }

    /// Every tool and every rule on it, by questions about calls.
    pub(super) fn tools(&mut self, served: &Served) {
        let ask = |tool: &ToolId, args: &Arguments| {
            let answer = served.post(agent_api::EVALUATE, "", &json!({"tool": tool, "args": args}));
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.json()
        };
        let document = self.document;
        for granted in &document.tools {
            let rules: Vec<&ToolRule> = document.rules.iter().filter(|rule| rule.tool.matches(&granted.tool)).collect();
            let of = |wanted: fn(&Effect) -> bool| rules.iter().copied().filter(move |rule| wanted(&rule.effect));
            let allowing = of(|effect| *effect == Effect::Allow).next();
            let told = ask(&granted.tool, &allowing.map(fitting).unwrap_or_default());
            assert_eq!((&told["allowed"], &told["rateLimited"]), (&json!(true), &json!(false)), "{told}");
            self.named(&told, allowing.map_or(&granted.id, |rule| &rule.id));
            self.allowed(Kind::Tool);
            if granted.tool.as_str() == "foundry.memory.memory" && document.memory.is_some() {
                self.allowed(Kind::Memory);
            }
            if let Some(rule) = allowing {
                self.allowed(Kind::AllowRule);
                let told = ask(&granted.tool, &Arguments::new());
                assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("no-allow-rule")), "{told}");
                self.named(&told, &rule.id);
                self.refused(Kind::AllowRule);
            }
            for rule in of(|effect| *effect == Effect::Deny) {
                self.allowed(Kind::DenyRule);
                let told = ask(&granted.tool, &fitting(rule));
                assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("deny-rule")), "{told}");
                self.named(&told, &rule.id);
                self.refused(Kind::DenyRule);
            }
            for rule in of(|effect| matches!(effect, Effect::Limit { .. })) {
                self.allowed(Kind::LimitRule);
                self.used_up(rule, || ask(&granted.tool, &allowing.map(fitting).unwrap_or_default()));
            }
        }
        let told = ask(&"hermes.terminal.none".parse().unwrap(), &Arguments::new());
        assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("tool-not-granted")), "{told}");
        self.refused(Kind::Tool);
    }

    /// Asks until a limit says no; what passes the router is counted there, and questions about it are free.
    fn used_up(&mut self, rule: &ToolRule, ask: impl Fn() -> Value) {
        let (Effect::Limit { calls, .. }, Enforcer::Runtime) = (rule.effect, rule.enforced) else { return };
        let told = (0..=calls).map(|_| ask()).find(|told| told["allowed"] == json!(false)).expect("a limit ends");
        assert_eq!(told["rateLimited"], json!(true), "{told}");
        self.named(&told, &rule.id);
        self.refused(Kind::LimitRule);
    }

    /// Every way to a host. The resolver answers with loopback, so an allowed host is seen there and goes no further.
    pub(super) fn hosts(&mut self, served: &Served, resolver: &Outside<String>) {
        let fetch = |url: String| served.post(agent_api::EGRESS_FETCH, "", &json!({"url": url}));
        for rule in &self.document.egress {
            let (host, port) = (host_of(&rule.host), rule.ports.first().expect("a rule has a port").get());
            let (plain, closed) = (format!("http://{host}:{port}/"), if port == 81 { 82 } else { 81 });
            let tunnel = |port: u16| served.proxy(&format!("CONNECT {host}:{port}"), &format!("{host}:{port}"));
            for answer in
                [tunnel(port), served.proxy(&format!("GET {plain}"), &host), fetch(format!("https://{host}:{port}/"))]
            {
                self.refused_by(&answer, 403, "egress.special_use", Some(&rule.id));
            }
            assert!(resolver.new_arrivals().contains(&host), "`{host}` was not looked up");
            assert!(served.audit().contains(&format!("{host}:{port}")), "`{host}` is not in the audit log");
            let other = format!("http://{host}:{closed}/");
            for answer in [tunnel(closed), served.proxy(&format!("GET {other}"), &host), fetch(other)] {
                self.refused_by(&answer, 403, "egress.denied", Some(&rule.id));
            }
            assert_eq!(resolver.new_arrivals(), Vec::<String>::new());
            for kind in [Some(Kind::Egress), rule.channel.as_ref().map(|_| Kind::Channel)].into_iter().flatten() {
                self.allowed(kind);
                self.refused(kind);
            }
        }
        let (tunnel, plain) = (format!("CONNECT {UNLISTED}:443"), format!("http://{UNLISTED}/"));
        let unlisted = [served.proxy(&tunnel, UNLISTED), served.proxy(&format!("GET {plain}"), UNLISTED), fetch(plain)];
        if let Some(learn) = &self.document.learn {
            for answer in &unlisted {
                self.refused_by(answer, 403, "egress.special_use", Some(&learn.id));
            }
            assert!(resolver.new_arrivals().contains(&UNLISTED.to_owned()));
            self.allowed(Kind::Learn);
            self.refused_by(&served.proxy("CONNECT 127.0.0.1:443", "a"), 403, "egress.special_use", None);
            self.refused(Kind::Learn);
        } else {
            for answer in &unlisted {
                self.refused_by(answer, 403, "egress.denied", None);
            }
        }
        assert_eq!(resolver.new_arrivals(), Vec::<String>::new());
    }

    /// Every name. The resolver answers with a public address, which nobody connects to.
    pub(super) fn names(&self, served: &Served, resolver: &Outside<String>) {
        for rule in &self.document.egress {
            let host = host_of(&rule.host);
            assert_eq!(served.resolve(&host), (0, 1), "{host}");
            assert!(resolver.new_arrivals().contains(&host), "`{host}` was not looked up");
        }
        if self.document.learn.is_none() {
            assert_eq!(served.resolve(UNLISTED), (3, 0));
            assert_eq!(resolver.new_arrivals(), Vec::<String>::new());
        }
    }

    /// Every model, and what it may cost.
    pub(super) fn models(&mut self, served: &Served, service: &Outside<Arrived>) {
        let Some(inference) = &self.document.inference else { return };
        let allowed = inference.allowed.first().expect("a document with models allows one");
        let route = &inference.routes[allowed.candidates.first().expect("it has a candidate")];
        let (path, most) = match route.dialect {
            Dialect::Responses => (agent_api::RESPONSES, "max_output_tokens"),
            Dialect::ChatCompletions => (agent_api::CHAT_COMPLETIONS, "max_tokens"),
            Dialect::Messages => (agent_api::ANTHROPIC_MESSAGES, "max_tokens"),
        };
        let ask = |model: &str, tokens: u64| served.post(path, "", &json!({"model": model, most: tokens}));
        let name = allowed.names.first().expect("it has a name").as_str();
        self.refused_by(&ask("no-such-model", 10), 403, "model.not_allowed", None);
        self.refused(Kind::Model);
        let budget = |field| RuleId::budget(&self.document.identity.agent, field);
        if let Some(tokens) = self.document.budget.tokens_per_request {
            self.refused_by(&ask(name, tokens + 1), 429, "budget.exceeded", Some(&budget("tokensPerRequest")));
            self.refused(Kind::RequestBudget);
        }
        assert!(service.new_arrivals().is_empty(), "what is refused does not arrive");
        let answer = ask(name, 10);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let [arrived] = service.new_arrivals().try_into().expect("it arrives once");
        assert_eq!(arrived.body["model"].as_str(), Some(route.deployment.as_str()));
        assert!(arrived.path.starts_with(route.endpoint.path()), "{}", arrived.path);
        assert!(arrived.headers.values().any(|value| value.contains(CANARY)), "{:?}", arrived.headers);
        for kind in [Kind::Model, Kind::RequestBudget, Kind::PeriodBudget] {
            self.allowed(kind);
        }
        let budgets = self.document.budget;
        let period = [(budgets.tokens_per_day, "tokensPerDay"), (budgets.tokens_per_month, "tokensPerMonth")];
        if let Some((_, field)) = period.iter().find(|(limit, _)| limit.is_some()) {
            self.refused_by(&ask(name, 10), 429, "budget.exceeded", Some(&budget(field)));
            assert!(service.new_arrivals().is_empty(), "what cannot be paid does not arrive");
            self.refused(Kind::PeriodBudget);
        }
    }

    /// Every tool of every MCP server.
    pub(super) fn servers(&mut self, served: &Served, service: &Outside<Arrived>) {
        let calls = || -> Vec<Value> {
            let arrived = service.new_arrivals().into_iter().map(|arrived| arrived.body);
            arrived.filter(|body| body["method"] == "tools/call").map(|body| body["params"]["name"].clone()).collect()
        };
        for (name, server) in &self.document.mcp {
            let headers = format!("accept: */*\r\n{}: {name}\r\n", agent_api::MCP_SERVER_HEADER);
            let call = |tool: &str| {
                let params = json!({"name": tool, "arguments": {}});
                let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
                served.post(agent_api::MCP, &headers, &message).json()["result"].clone()
            };
            for tool in &server.tools {
                assert_eq!(call(tool)["content"][0]["text"], "called");
                assert_eq!(calls(), [json!(tool)]);
                self.allowed(Kind::Mcp);
            }
            let refused = call("ungranted");
            assert_eq!(refused["isError"], true);
            assert!(refused["content"][0]["text"].as_str().unwrap().contains("policy.denied"), "{refused}");
            assert_eq!(calls(), Vec::<Value>::new());
            self.refused(Kind::Mcp);
        }
    }

    /// Peers and children, which the router cannot reach yet: it says so in a form of its own.
    pub(super) fn peers(&mut self, served: &Served) {
        let unavailable = |path: &str, body: Value| {
            let answer = served.post(path, "", &body);
            assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("mesh.unavailable")));
        };
        let peer = self.document.mesh.iter().flat_map(|mesh| mesh.outgoing.keys().chain(mesh.incoming.keys())).next();
        let child = self.document.children.keys().next();
        if let Some(peer) = peer {
            unavailable(agent_api::MESH_SEND, json!({"to": peer, "content": "x"}));
            self.seen.insert((Kind::Mesh, Seen::Refused));
        }
        if let Some(child) = child {
            unavailable(agent_api::SPAWN, json!({"name": child}));
            self.seen.insert((Kind::Child, Seen::Refused));
        }
    }
}

/// Arguments that a rule means.
fn fitting(rule: &ToolRule) -> Arguments {
    let value = |matcher: &ArgumentMatcher| match matcher {
        ArgumentMatcher::Under(path) => json!(format!("{path}/x")),
        ArgumentMatcher::OneOf(texts) | ArgumentMatcher::Program(texts) => json!(texts.first()),
        ArgumentMatcher::Prefix(text) => json!(format!("{text}x")),
        ArgumentMatcher::Max(number) => json!(number),
    };
    rule.when.args.iter().map(|(name, matcher)| (name.clone(), value(matcher))).collect()
}

/// A host that a rule means.
fn host_of(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::OneLabel(host) | HostPattern::AnyDepth(host) => format!("one.{host}"),
    }
}

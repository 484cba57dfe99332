//! The matcher decides as its slow twin does, and rules that it calls unreachable never decide.

use std::collections::BTreeSet;

use kars_contract::permits::{Reason, Request, unreachable_rules};
use kars_contract::router::{ArgumentMatcher, Effect, EgressRule, Enforcer, GrantedTool, ToolRule, When};
use kars_contract::{Instant, Policy, RouterDocument, RuleId, ToolId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::reference;
use crate::sample::{arguments, document, instant, name, of, port, tool_id};

fn host() -> impl Strategy<Value = kars_contract::Hostname> {
    "((a|b|c)\\.){0,3}example\\.org".prop_map(|text| of(&text))
}

/// A prod document with these rules, written shortly.
fn with_rules(
    egress: &[(&str, &[u16], Option<i64>)],
    tools: &[&str],
    rules: &[(Effect, &str, When)],
) -> RouterDocument {
    let mut document = document().new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let egress_rule = |(place, (host, ports, until)): (usize, &(&str, &[u16], Option<i64>))| EgressRule {
        id: of(&format!("egress[{place}]")),
        host: of(host),
        ports: ports.iter().copied().map(port).collect(),
        until: until.map(|second| Instant::from_unix_seconds(second).unwrap()),
        reason: String::new(),
        ticket: None,
        preset: None,
        channel: None,
        labels: BTreeSet::new(),
    };
    let tool_rule = |(place, (effect, tool, when)): (usize, &(Effect, &str, When))| ToolRule {
        id: of(&format!("rules[{place}]")),
        effect: *effect,
        tool: of(tool),
        when: when.clone(),
        enforced: Enforcer::Runtime,
    };
    let granted = |tool: &&str| GrantedTool { id: of("tools"), tool: of(tool), enforced: Enforcer::Runtime };
    document.egress = egress.iter().enumerate().map(egress_rule).collect();
    document.tools = tools.iter().map(granted).collect();
    document.rules = rules.iter().enumerate().map(tool_rule).collect();
    document.learn = None;
    document
}

fn findings(document: &RouterDocument) -> Vec<String> {
    let found = unreachable_rules(document);
    found.into_iter().map(|found| format!("{}: {}", found.rule, found.because)).collect()
}

#[test]
fn finds_egress_rules_that_never_decide() {
    let rules: [(&str, &[u16], Option<i64>); 9] = [
        ("a.example.org", &[443], None),
        ("a.example.org", &[443], Some(9)),
        ("a.example.org", &[80, 443], None),
        ("**.b.example.org", &[443], Some(9)),
        ("*.b.example.org", &[443], Some(8)),
        ("x.y.b.example.org", &[443], Some(9)),
        ("x.b.example.org", &[443], None),
        ("a.example.org", &[80], None),
        ("c.example.org", &[], None),
    ];
    let expected = [
        "egress[1]: `egress[0]` decides all that it means before it",
        "egress[4]: `egress[3]` decides all that it means before it",
        "egress[5]: `egress[3]` decides all that it means before it",
        "egress[7]: `egress[2]` decides all that it means before it",
        "egress[8]: it names no port",
    ];
    assert_eq!(findings(&with_rules(&rules, &[], &[])), expected);
}

#[test]
fn finds_tool_rules_that_never_decide() {
    let under = |path: &str| When { args: [("path".to_owned(), ArgumentMatcher::Under(path.to_owned()))].into() };
    let limit = Effect::Limit { calls: 1, per_seconds: 1 };
    let rules = [
        (Effect::Allow, "p.x.t", under("/a/b")),
        (Effect::Allow, "p.x.t", under("/c")),
        (Effect::Allow, "p.x.t", under("/c/d")),
        (Effect::Deny, "p.x.t", under("/a")),
        (Effect::Deny, "p.x.t", under("/a/b")),
        (limit, "p.x.t", under("/a")),
        (Effect::Allow, "p.x.none", When::default()),
        (Effect::Deny, "p.x.u", When::default()),
        (limit, "p.x.*", When::default()),
        (limit, "p.x.u", When::default()),
        (Effect::Deny, "p.z.*", When::default()),
    ];
    let expected = [
        "rules[0]: `rules[3]` denies all that it means",
        "rules[2]: `rules[1]` decides all that it means before it",
        "rules[4]: `rules[3]` decides all that it means before it",
        "rules[5]: `rules[3]` denies all that it means",
        "rules[6]: the agent has no tool that it names",
        "rules[9]: `rules[7]` denies all that it means",
        "rules[10]: the agent has no tool that it names",
    ];
    assert_eq!(findings(&with_rules(&[], &["p.x.t", "p.x.u"], &rules)), expected);
    // The first tool of the set is denied, the second keeps the rule.
    let rules = [(Effect::Deny, "p.x.t", When::default()), (limit, "p.x.*", When::default())];
    assert_eq!(findings(&with_rules(&[], &["p.x.t", "p.x.u"], &rules)), [] as [&str; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn egress_is_decided_as_by_the_reference(
        document in document(),
        asked in vec((host(), 1..4_u16, instant()), 8),
    ) {
        let policy = Policy::new(&document);
        let dead: BTreeSet<RuleId> = unreachable_rules(&document).into_iter().map(|found| found.rule).collect();
        for (host, number, now) in asked {
            let decision = policy.permits(&Request::Egress { host: &host, port: port(number) }, now);
            prop_assert_eq!(&decision, &reference::egress(&document, &host, port(number), now));
            prop_assert!(decision.reason != Reason::Listed || !dead.contains(decision.rule.as_ref().unwrap()));
        }
    }

    #[test]
    fn a_name_is_known_where_any_port_of_it_may_be_reached(document in document(), asked in vec((host(), instant()), 4)) {
        let policy = Policy::new(&document);
        for (host, now) in asked {
            let ports = document.egress.iter().flat_map(|rule| &rule.ports).copied().chain([port(7)]);
            let mut ports = ports.map(|port| policy.permits(&Request::Egress { host: &host, port }, now));
            let name = policy.reaches(&host, now);
            prop_assert_eq!(name.allowed, ports.any(|decision| decision.allowed));
        }
    }

    #[test]
    fn tools_are_decided_as_by_the_reference(
        document in document(),
        asked in vec((tool_id(), arguments()), 12),
        now in instant(),
    ) {
        let policy = Policy::new(&document);
        let dead: BTreeSet<RuleId> = unreachable_rules(&document).into_iter().map(|found| found.rule).collect();
        for (tool, args) in asked {
            let id: ToolId = of(&tool);
            let decision = policy.permits(&Request::Tool { id: &id, args: &args }, now);
            prop_assert_eq!(&decision, &reference::tool(&document, &id, &args));
            let decides = matches!(decision.reason, Reason::AllowRule | Reason::DenyRule);
            prop_assert!(!decides || !dead.contains(decision.rule.as_ref().unwrap()));
            prop_assert!(decision.limits.iter().all(|bucket| !dead.contains(&bucket.rule)));
            prop_assert!(decision.allowed || decision.limits.is_empty());
        }
    }

    #[test]
    fn only_links_carry_messages(document in document(), peer in name(), reply: bool) {
        let policy = Policy::new(&document);
        let now = of("2026-01-01T00:00:00Z");
        let (out, back) = document.mesh.as_ref().map_or((None, None), |mesh| (mesh.outgoing.get(&peer), mesh.incoming.get(&peer)));
        let sent = policy.permits(&Request::Mesh { to: &peer, reply }, now);
        prop_assert_eq!(sent.allowed, out.is_some() || (reply && back.is_some_and(|link| link.replies)));
        let taken = policy.permits(&Request::MeshReceive { from: &peer, reply }, now);
        prop_assert_eq!(taken.allowed, back.is_some() || (reply && out.is_some_and(|link| link.replies)));
        let file = policy.permits(&Request::MeshFile { to: &peer, path: "in/a.png" }, now);
        prop_assert_eq!(file.allowed, out.is_some_and(|link| link.files.iter().any(|files| files.matches("in/a.png"))));
        let spawned = policy.permits(&Request::Spawn { name: &peer }, now);
        prop_assert_eq!(spawned.allowed, document.children.contains_key(&peer));
    }

    #[test]
    fn an_mcp_call_is_the_tool_call_of_its_server(document in document(), server in name(), args in arguments()) {
        let policy = Policy::new(&document);
        let now = of("2026-01-01T00:00:00Z");
        let asked = policy.permits(&Request::Mcp { server: &server, tool: "t", args: &args }, now);
        if document.mcp.contains_key(&server) {
            let id = ToolId::mcp(&server, "t").unwrap();
            prop_assert_eq!(asked, policy.permits(&Request::Tool { id: &id, args: &args }, now));
        } else {
            prop_assert_eq!(asked.reason, Reason::ServerNotGranted);
        }
    }
}

//! The matcher decides as its slow twin does, and rules that it calls unreachable never decide.

use std::collections::BTreeSet;

use kars_contract::permits::{Reason, Request, unreachable_rules};
use kars_contract::{Policy, RuleId, ToolId};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::reference;
use crate::sample::{arguments, document, instant, name, of, port, tool_id};

fn host() -> impl Strategy<Value = kars_contract::Hostname> {
    "((a|b|c)\\.){0,3}example\\.org".prop_map(|text| of(&text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

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

//! What is written is read back, byte for byte, and nothing but it.

use std::collections::BTreeSet;

use kars_contract::document::InvalidDocument;
use kars_contract::relay::{Edge, RelayAgent, Topology};
use kars_contract::router::MeshIdentity;
use kars_contract::{Document, EgressAllowlist, Name, RelayDocument, RouterDocument, RouterOrigins};
use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::sample::{document, name, of};

fn assert_round_trip<D: Document + PartialEq + std::fmt::Debug>(document: &D) {
    let bytes = document.encode();
    let again = D::decode(&bytes).unwrap();
    assert_eq!(&again, document);
    assert_eq!(again.encode(), bytes);
    assert_eq!(again.digest(), document.digest());
    assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1));
}

fn relay() -> impl Strategy<Value = RelayDocument> {
    let names: BTreeSet<Name> = ["a", "b"].map(of).into();
    let agents = names.into_iter().map(|name| {
        let namespace = of(&format!("kars-s--{name}"));
        (name, RelayAgent { namespace, keys: BTreeSet::new() })
    });
    let agents: std::collections::BTreeMap<_, _> = agents.collect();
    let edge = (name(), name(), any::<bool>()).prop_map(|(from, to, replies)| Edge { from, to, replies });
    (btree_set(edge, 0..4), select(vec![Topology::Strict, Topology::Open])).prop_map(move |(edges, topology)| {
        RelayDocument {
            scenario: of("s"),
            environment: of("kind"),
            dev: true,
            topology,
            identity: MeshIdentity::Anonymous,
            agents: agents.clone(),
            edges,
        }
    })
}

proptest! {
    #[test]
    fn every_document_is_read_as_it_was_written(document in document(), relay in relay()) {
        assert_round_trip(&document);
        assert_round_trip(&EgressAllowlist::of(&document));
        assert_round_trip(&relay);
    }

    #[test]
    fn origins_are_read_as_they_were_written(lines in btree_map("[a-z]{1,8}\\[[0-9]\\]", 1..9999_u32, 0..5)) {
        let rules = lines.iter().map(|(id, line)| (of(id), of(&format!("scenario.yaml:{line}:1")))).collect();
        assert_round_trip(&RouterOrigins { rules });
    }

    #[test]
    fn spaces_and_order_change_nothing_and_anything_else_is_refused(document in document(), cut in any::<prop::sample::Index>()) {
        let bytes = document.encode();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(&RouterDocument::decode(&pretty).unwrap(), &document);
        let short = &bytes[..cut.index(bytes.len() - 1)];
        prop_assert!(RouterDocument::decode(short).is_err());
        let long = [&bytes[..], b"{}"].concat();
        prop_assert!(RouterDocument::decode(&long).is_err());
    }
}

#[test]
fn the_bytes_are_canonical() {
    let rule = |id: &str, line: u32| (of(id), of(&format!("scenario.yaml:{line}:7")));
    let origins =
        RouterOrigins { rules: [rule("rules.house[2]", 9), rule("agents.a.egress[b.example.org:443]", 31)].into() };
    let expected = concat!(
        r#"{"kind":"RouterOrigins","rules":{"agents.a.egress[b.example.org:443]":"scenario.yaml:31:7","#,
        r#""rules.house[2]":"scenario.yaml:9:7"},"version":1}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(origins.encode()).unwrap(), expected);
    assert_eq!(origins.digest(), kars_contract::Digest::of(expected.as_bytes()));
}

/// A fixed document, for the table below.
fn one_document() -> RouterDocument {
    document().new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

#[test]
fn refuses_what_does_not_fit() {
    let good: Value = serde_json::from_slice(&one_document().encode()).unwrap();
    let change = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        RouterDocument::decode(changed.to_string().as_bytes()).unwrap_err().to_string()
    };
    for (pointer, value, message) in [
        ("/version", json!(2), "this program reads 1"),
        ("/version", json!("1"), "this program reads 1"),
        ("/kind", json!("RelayDocument"), "wanted is `RouterDocument`"),
        ("/guard", json!({}), "missing field `agentUid`"),
        ("/limits/headerBytes", json!(1.5), "whole number"),
        ("/limits/headerBytes", json!(0), "`header_bytes` outside 1 to 16384"),
        ("/limits/headerBytes", json!(16385), "`header_bytes` outside 1 to 16384"),
        ("/guard/admin", json!(8443), "one port to two listeners"),
        ("/guard/loopbackPorts", json!([9090]), "one port to two listeners"),
        ("/guard/agentUid", json!(1001), "two users"),
        ("/guard/ipFamilies", json!([]), "is empty"),
        ("/infra/resolver/ports", json!([]), "needs a port"),
        ("/infra/resolver/ports", json!([0]), "nonzero"),
        ("/identity/agent", json!("A"), "`A` is not a name"),
        ("/respond/mode", json!("AUTO"), "unknown variant"),
        ("/respond/prompt/url/port", json!(9090), "must name a port of the runtime"),
        ("/runtime/probe/path", json!("health"), "must name a port of the runtime"),
    ] {
        let found = change(pointer, value);
        assert!(found.contains(message), "{pointer}: {found}");
    }
}

#[test]
fn refuses_doubled_and_unknown_keys() {
    let text = String::from_utf8(one_document().encode()).unwrap();
    for (from, to, message) in [
        ("\"dev\":", "\"dev\":false,\"dev\":", "`dev` stands twice"),
        ("\"channels\":{", "\"channels\":{\"ops\":{\"kind\":\"slack\"},", "`ops` stands twice"),
        ("\"dev\":", "\"devel\":true,\"dev\":", "unknown field `devel`"),
        ("\"egress\":", "\"egresss\":", "unknown field `egresss`"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        let found = RouterDocument::decode(changed.as_bytes()).unwrap_err().to_string();
        assert!(found.contains(message), "{found}");
    }
    let large = vec![b' '; 8 * 1024 * 1024 + 1];
    assert!(matches!(RouterDocument::decode(&large), Err(InvalidDocument::TooLarge(_))));
    let deep = "[".repeat(100_000);
    assert!(matches!(RouterDocument::decode(deep.as_bytes()), Err(InvalidDocument::Form(_))));
    assert!(matches!(RouterDocument::decode(b"[]"), Err(InvalidDocument::NotAnObject)));
}

#[test]
fn dev_relaxations_need_a_dev_document() {
    let prod = RouterDocument { dev: false, learn: None, ..one_document() };
    assert!(prod.check().is_ok());
    let learn = Some(kars_contract::router::Learn { id: of("agents.a.learn"), until: of("2099-01-01T00:00:00Z") });
    let found = RouterDocument { learn, ..prod }.check().unwrap_err().to_string();
    assert_eq!(found, "`learn` is only allowed in a dev document");
    let relay = relay().new_tree(&mut TestRunner::deterministic()).unwrap().current();
    assert!(RelayDocument { dev: false, ..relay }.check().is_err());
}

#[test]
fn the_schema_speaks_of_kind_and_version() {
    let schema = RouterDocument::schema();
    assert_eq!(schema.pointer("/properties/kind/const"), Some(&json!("RouterDocument")));
    assert_eq!(schema.pointer("/properties/version/const"), Some(&json!(1)));
    let required = schema.get("required").and_then(Value::as_array).unwrap();
    assert!(["kind", "version", "egress"].iter().all(|field| required.contains(&json!(field))));
}

#[test]
fn a_token_comes_from_its_issuer_alone() {
    let with_model = document().prop_filter("a model", |document| document.inference.is_some());
    let mut document = with_model.new_tree(&mut TestRunner::deterministic()).unwrap().current();
    (document.dev, document.learn) = (false, None);
    let document: Value = serde_json::from_slice(&document.encode()).unwrap();
    let id = "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b11";
    let [key, workload, node] = [
        json!({"secret": "model/KEY"}),
        json!({"workloadIdentity": {"clientId": id, "tenantId": id}}),
        json!({"managedIdentity": {}}),
    ];
    let host = |host: &str| json!({"host": host, "ports": [443]});
    let address = |cidr: &str, port: u16| json!({"cidr": cidr, "ports": [port]});
    let wrong = "is not where that issuer is";
    for (provider, credential, name, entry, dev, message) in [
        ("openai", &key, "copilot-exchange", Value::Null, false, None),
        ("github-copilot", &key, "copilot-exchange", Value::Null, true, Some("is missing")),
        ("github-copilot", &key, "copilot-exchange", host("api.github.com"), false, None),
        ("github-copilot", &key, "copilot-exchange", address("203.0.113.7/32", 80), false, Some(wrong)),
        ("github-copilot", &key, "copilot-exchange", address("127.0.0.1/32", 80), true, None),
        ("azure-openai", &workload, "token-exchange", Value::Null, false, Some("is missing")),
        ("azure-openai", &workload, "token-exchange", host("login.microsoftonline.com"), false, None),
        ("azure-openai", &workload, "token-exchange", host("login.svc"), false, Some(wrong)),
        ("azure-openai", &node, "node-identity", address("169.254.169.254/32", 80), false, None),
        ("azure-openai", &node, "node-identity", address("169.254.169.254/32", 8080), false, Some(wrong)),
        ("azure-openai", &node, "node-identity", address("169.254.0.0/16", 80), false, Some(wrong)),
        ("azure-openai", &node, "node-identity", host("metadata.example.org"), false, Some(wrong)),
    ] {
        let mut changed = document.clone();
        changed["dev"] = dev.into();
        let route = changed.pointer_mut("/inference/routes/main").unwrap();
        (route["provider"], route["credential"]) = (provider.into(), credential.clone());
        let infra = changed["infra"].as_object_mut().unwrap();
        infra.remove(name);
        if !entry.is_null() {
            infra.insert(name.to_owned(), entry);
        }
        let found =
            RouterDocument::decode(changed.to_string().as_bytes()).map(|_| ()).map_err(|error| error.to_string());
        match message {
            None => assert_eq!(found, Ok(()), "{provider} {name}"),
            Some(message) => {
                assert!(found.clone().is_err_and(|found| found.contains(message)), "{provider} {name}: {found:?}");
            }
        }
    }
}

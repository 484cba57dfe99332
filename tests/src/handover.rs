//! The hand-over: a router serves the documents of every example as they were compiled, lets through what they allow and
//! refuses the rest by naming rule and line.
//!
//! The router runs in this process, from its library, on ports of its own choosing: `cargo test -p kars-tests` builds no binary,
//! and one that is found on the disk may be another version. What the binary adds to the library (arguments, the environment,
//! signals) its own tests ask. Nobody is reached but loopback: an allowed host is seen at the resolver, whose answer the router
//! then refuses to connect to; `tests/router-net` has the addresses to go further. Not here: what a document says.

mod asked;
mod kinds;
mod outside;
mod served;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use kars_contract::router::{Credential, RouterDocument, TokenIssuer};
use kars_contract::{Digest, Document, Endpoint, Name, SecretRef};
use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use karsc_core::sources::Files;
use serde_json::Value;

use self::asked::Asking;
use self::kinds::{Kind, Seen, secrets, wanted};
use self::outside::{resolver, service};
use self::served::{CANARY, Served};
use crate::golden::examples;
use crate::support::{Collected, Disk, Memory, as_of, root};

/// Kinds that no example has.
const RARE: &str = "apiVersion: karsc.dev/v1alpha1
kind: Scenario
metadata: { name: rare }
models:
  main:
    provider: openai
    deployment: gpt-5-mini
    credential: { secret: openai, key: OPENAI_API_KEY }
rules:
  house:
    - { deny: hermes.file.write_file, when: { args: { path: { under: /etc } } } }
    - { limit: hermes.file.read_file, calls: 3, per: 1h }
agents:
  only:
    runtime: { kind: hermes }
    model: main
    tools: [hermes.file.write_file, hermes.file.read_file]
    rules: [house]
    learn: { until: 2099-01-31T00:00:00Z }
";

/// The documents of a scenario with their origins, as the development cluster gets them.
fn compiled(files: &dyn Files) -> Vec<(Vec<u8>, Vec<u8>)> {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let output = Collected::default();
    let compilation = compile(&input, as_of(), files, &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert!(compilation.bundle.is_some(), "{printed}");
    let files = output.files();
    let agents = files.keys().filter_map(|path| path.strip_prefix("documents/")?.strip_suffix(".router.json"));
    let pair = |agent: &str| {
        let map = &files[&format!("agents/{agent}/32-origins.yaml")];
        let map: Value = serde_saphyr::from_str(std::str::from_utf8(map).unwrap()).unwrap();
        let origins = map["data"]["origins.json"].as_str().unwrap().as_bytes().to_vec();
        (files[&format!("documents/{agent}.router.json")].clone(), origins)
    };
    agents.map(pair).collect()
}

/// The same document with its services on loopback, as a dev document may have them, and shown a secret instead of a token.
fn stood_in(document: &RouterDocument, service: SocketAddr) -> RouterDocument {
    let mut document = document.clone();
    let here = |endpoint: &Endpoint| Endpoint::parse(&format!("http://{service}{}", endpoint.path())).unwrap();
    for route in document.inference.iter_mut().flat_map(|inference| inference.routes.values_mut()) {
        route.endpoint = here(&route.endpoint);
        if !matches!(route.credential, Credential::Secret(_)) {
            route.credential = Credential::Secret(SecretRef::parse("exchanged/TOKEN").unwrap());
        }
    }
    for server in document.mcp.values_mut() {
        server.url = here(&server.url);
    }
    document
}

/// Whether some model can be asked with tokens alone, which nobody issues here.
fn has_tokens_alone(document: &RouterDocument) -> bool {
    let Some(inference) = &document.inference else { return false };
    let exchanged = |name: &Name| {
        let route = &inference.routes[name];
        TokenIssuer::of(Some(route.provider), &route.credential).is_some()
    };
    inference.allowed.iter().any(|model| model.candidates.iter().all(exchanged))
}

/// Serves a document and asks for one allowed and one refused thing of each kind. Returns what was seen.
fn handed_over(bytes: &[u8], origins: &[u8], sources: &dyn Files) -> BTreeSet<(Kind, Seen)> {
    let document = RouterDocument::decode(bytes).unwrap();
    let mut asking = Asking { document: &document, sources, seen: BTreeSet::new() };
    let inside = resolver(Ipv4Addr::LOCALHOST);
    let served = Served::start(bytes, origins, &secrets(&document), inside.address);
    let ready = served.page("/readyz");
    let status = if has_tokens_alone(&document) { 503 } else { 200 };
    assert_eq!((ready.status, ready.json()["digest"].clone()), (status, Digest::of(bytes).to_string().into()));
    asking.tools(&served);
    asking.hosts(&served, &inside);
    asking.peers(&served);
    let tools = document.mcp.values().flat_map(|server| server.tools.clone()).chain(["ungranted".to_owned()]);
    let (service, public) = (service(tools.collect()), resolver(Ipv4Addr::new(1, 2, 3, 4)));
    let local = stood_in(&document, service.address);
    let served = Served::start(&local.encode(), origins, &secrets(&local), public.address);
    asking.document = &local;
    asking.names(&served, &public);
    asking.models(&served, &service);
    asking.servers(&served, &service);
    let written = served.audit() + &served.page("/metrics").body;
    assert!(!written.contains(CANARY), "a credential is written down: {written}");
    let seen = asking.seen;
    let missing: Vec<_> = wanted(&document).difference(&seen).copied().collect();
    assert!(missing.is_empty(), "not seen: {missing:?}");
    seen
}

#[test]
fn every_document_of_the_examples_is_served_as_it_was_meant() {
    let mut seen = BTreeSet::new();
    let mut documents = 0;
    for example in examples() {
        let sources = Disk(root().join("examples/scenarios").join(&example));
        for (document, origins) in compiled(&sources) {
            seen.extend(handed_over(&document, &origins, &sources));
            documents += 1;
        }
    }
    assert!(documents >= 18, "only {documents} documents were served");
    let rare = Memory::default().with("scenario.yaml", RARE);
    for (document, origins) in compiled(&rare) {
        seen.extend(handed_over(&document, &origins, &rare));
    }
    let all = Kind::ALL.into_iter().filter(|kind| !seen.iter().any(|(other, _)| kind == other));
    assert_eq!(all.collect::<Vec<_>>(), [], "kinds that nothing here has");
}

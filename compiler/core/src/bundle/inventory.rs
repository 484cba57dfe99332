//! `bundle.json`: every file with its hash, the content digest, and who made it.

use std::collections::BTreeMap;

use kars_contract::allowlist::EgressAllowlist;
use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::origins::RouterOrigins;
use kars_contract::relay::RelayDocument;
use kars_contract::router::RouterDocument;
use kars_contract::trust::TrustDocument;
use serde::Serialize;

use crate::resolve::Resolved;

/// The inventory of a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inventory<'a> {
    api_version: &'static str,
    kind: &'static str,
    scenario: &'a str,
    environment: &'a str,
    content_digest: &'a Digest,
    compiler: Compiler,
    /// The version of each kind of document.
    contracts: BTreeMap<&'static str, u32>,
    files: BTreeMap<&'a str, &'a Digest>,
}

#[derive(Debug, Serialize)]
struct Compiler {
    name: &'static str,
    version: &'static str,
}

pub(super) fn of<'a>(
    scenario: &'a Resolved<'_>,
    files: &'a BTreeMap<String, (Digest, bool)>,
    content: &'a Digest,
) -> Inventory<'a> {
    Inventory {
        api_version: "karsc.dev/v1alpha1",
        kind: "Bundle",
        scenario: scenario.scenario.metadata.name.as_str(),
        environment: scenario.target.environment.metadata.name.as_str(),
        content_digest: content,
        compiler: Compiler { name: "karsc", version: env!("CARGO_PKG_VERSION") },
        contracts: BTreeMap::from([
            (EgressAllowlist::KIND, EgressAllowlist::VERSION),
            (RelayDocument::KIND, RelayDocument::VERSION),
            (RouterDocument::KIND, RouterDocument::VERSION),
            (RouterOrigins::KIND, RouterOrigins::VERSION),
            (TrustDocument::KIND, TrustDocument::VERSION),
        ]),
        files: files.iter().map(|(path, (digest, _))| (path.as_str(), digest)).collect(),
    }
}

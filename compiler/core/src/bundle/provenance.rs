//! `provenance.json`: an in-toto statement with a SLSA v1 predicate (<https://slsa.dev/spec/v1.0/provenance>): every
//! input file with its hash, and the compiler's version. Not here: who built it where; that is added when it is signed.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use serde::Serialize;

use crate::resolve::Resolved;
use crate::sources::Evaluation;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statement<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [Subject<'a>; 1],
    predicate_type: &'static str,
    predicate: Predicate<'a>,
}

#[derive(Debug, Serialize)]
struct Subject<'a> {
    name: &'a str,
    digest: BTreeMap<&'static str, &'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate<'a> {
    build_definition: Definition<'a>,
    run_details: Details<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    build_type: &'static str,
    external_parameters: BTreeMap<&'static str, &'a str>,
    resolved_dependencies: Vec<Dependency<'a>>,
}

#[derive(Debug, Serialize)]
struct Dependency<'a> {
    uri: &'a str,
    digest: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct Details<'a> {
    builder: Builder<'a>,
}

#[derive(Debug, Serialize)]
struct Builder<'a> {
    id: &'static str,
    version: BTreeMap<&'static str, &'a str>,
}

pub(super) fn statement<'a>(scenario: &'a Resolved<'_>, content: &'a Digest) -> Statement<'a> {
    let sources = &scenario.sources;
    let read = sources.iter().filter(|source| !source.path.starts_with('<') && !source.evaluated);
    let mut inputs: BTreeMap<&str, String> =
        read.map(|source| (source.path.as_str(), Digest::of(source.text.as_bytes()).hex().to_owned())).collect();
    let mut version = BTreeMap::from([("karsc", env!("CARGO_PKG_VERSION"))]);
    if let Some(Evaluation { engine, files }) = &sources.evaluation {
        inputs.extend(files.iter().map(|(path, digest)| (path.as_str(), digest.hex().to_owned())));
        version.insert("kcl", engine);
    }
    let name = scenario.scenario.metadata.name.as_str();
    Statement {
        kind: "https://in-toto.io/Statement/v1",
        subject: [Subject { name, digest: BTreeMap::from([("sha256", content.hex())]) }],
        predicate_type: "https://slsa.dev/provenance/v1",
        predicate: Predicate {
            build_definition: Definition {
                build_type: "https://karsc.dev/build/v1",
                external_parameters: BTreeMap::from([
                    ("environment", scenario.target.environment.metadata.name.as_str()),
                    ("scenario", name),
                ]),
                resolved_dependencies: inputs
                    .into_iter()
                    .map(|(uri, digest)| Dependency { uri, digest: BTreeMap::from([("sha256", digest)]) })
                    .collect(),
            },
            run_details: Details { builder: Builder { id: "https://karsc.dev/karsc", version } },
        },
    }
}

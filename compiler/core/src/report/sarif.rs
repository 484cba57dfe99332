//! Diagnostics as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), for code scanning.

use std::collections::BTreeSet;

use kars_contract::digest::Digest;
use kars_scenario::diagnostic::{Diagnostic, Found, Label, Severity};
use serde::Serialize;

use super::path_of;
use crate::check::pages;
use crate::sources::{Position, Sources};

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    name: &'static str,
    short_description: Text,
    help: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: String,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
struct Fingerprints {
    /// Code, file and message: stable while lines move.
    #[serde(rename = "karsc/v1")]
    v1: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

pub(super) fn sarif(found: &Found, sources: &Sources, folder: &str) -> String {
    let used: BTreeSet<_> = found.diagnostics().iter().map(|diagnostic| diagnostic.code).collect();
    let rules = pages::all().filter(|page| used.contains(&page.code)).map(|page| Rule {
        id: page.code.to_string(),
        name: page.name,
        short_description: Text { text: page.name.replace('-', " ") },
        help: Text { text: page.text.lines().nth(1).unwrap_or_default().to_owned() },
    });
    let driver = Driver {
        name: "karsc",
        semantic_version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules: rules.collect(),
    };
    let results = found.diagnostics().iter().map(|diagnostic| outcome(diagnostic, sources, folder)).collect();
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
    serde_json::to_string_pretty(&log).expect("text and numbers") + "\n"
}

fn outcome(diagnostic: &Diagnostic, sources: &Sources, folder: &str) -> Outcome {
    let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let file = &sources.get(diagnostic.primary.span.file).path;
    let identity = format!("{}\n{file}\n{}", diagnostic.code, diagnostic.message);
    Outcome {
        rule_id: diagnostic.code.to_string(),
        level: if diagnostic.severity == Severity::Error { "error" } else { "warning" },
        message: Text { text: format!("{}{help}", diagnostic.message) },
        locations: vec![location(&diagnostic.primary, sources, folder)],
        related_locations: diagnostic.related.iter().map(|label| location(label, sources, folder)).collect(),
        partial_fingerprints: Fingerprints { v1: Digest::of(identity.as_bytes()).hex().to_owned() },
    }
}

fn location(label: &Label, sources: &Sources, folder: &str) -> Location {
    let Position { line, column } = sources.position(label.span);
    let uri = uri(&path_of(folder, &sources.get(label.span.file).path));
    let message = (!label.text.is_empty()).then(|| Text { text: label.text.clone() });
    Location {
        physical_location: Physical {
            artifact_location: Artifact { uri },
            region: Region { start_line: line, start_column: column },
        },
        message,
    }
}

/// A path as a relative URI: every byte that is not plain is percent-encoded.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

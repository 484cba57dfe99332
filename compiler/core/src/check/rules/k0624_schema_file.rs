//! K0624: the schema of a produced file is JSON, and an object. Not here: whether it is a good schema.

use std::collections::{BTreeMap, BTreeSet};

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::{FileId, Span};
use serde::de::IgnoredAny;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(624), check };

#[expect(clippy::zero_sized_map_values, reason = "only that it is an object is asked, not what its keys hold")]
fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut seen = BTreeSet::new();
    for schema in scenario.agents().flat_map(|agent| &agent.written.produces).filter_map(|made| made.schema.as_ref()) {
        let Some(file) = scenario.texts.get(&schema.value).filter(|file| seen.insert(*file)) else {
            continue;
        };
        let text = &scenario.sources.get(file).text;
        let Err(error) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) else { continue };
        let why = if error.is_data() { "a schema is a JSON object" } else { "this is not JSON" };
        found.push(
            Diagnostic::error(RULE.code, place(file, text, &error), format!("`{}` is not a JSON Schema", schema.value))
                .label(why)
                .because(schema.span, "named here")
                .help("write a JSON object, such as `{ \"type\": \"object\" }`"),
        );
    }
}

/// Where the reader stopped: its lines and columns count from 1, columns in bytes.
fn place(file: FileId, text: &str, error: &serde_json::Error) -> Span {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let start = (before + error.column().saturating_sub(1)).min(text.len());
    let start = u32::try_from(start).expect("files are limited to 8 MiB");
    Span { file, start, end: start }
}

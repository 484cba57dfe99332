//! Diagnostics as JSON, one object per line.

use kars_scenario::diagnostic::{Found, Label, Severity};
use serde::Serialize;

use super::path_of;
use crate::sources::{Position, Sources};

#[derive(Serialize)]
struct Line<'a> {
    code: String,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    related: Vec<Place<'a>>,
    help: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
}

fn place<'a>(label: &'a Label, sources: &Sources, folder: &str) -> Place<'a> {
    let Position { line, column } = sources.position(label.span);
    let end = sources.position(kars_scenario::span::Span { start: label.span.end, ..label.span });
    let file = path_of(folder, &sources.get(label.span.file).path);
    Place { file, line, column, end_line: end.line, end_column: end.column, label: &label.text }
}

pub(super) fn json(found: &Found, sources: &Sources, folder: &str) -> String {
    let mut printed = String::new();
    for diagnostic in found.diagnostics() {
        let line = Line {
            code: diagnostic.code.to_string(),
            severity: if diagnostic.severity == Severity::Error { "error" } else { "warning" },
            message: &diagnostic.message,
            place: place(&diagnostic.primary, sources, folder),
            related: diagnostic.related.iter().map(|label| place(label, sources, folder)).collect(),
            help: diagnostic.help.as_deref(),
        };
        printed.push_str(&serde_json::to_string(&line).expect("text and numbers"));
        printed.push('\n');
    }
    printed
}

//! Diagnostics as text: for people, for machines, for code hosts. Not here: streams and colours of a terminal.

mod human;
mod json;
mod sarif;
mod short;

use std::borrow::Cow;

use kars_scenario::diagnostic::{Diagnostic, Found};

use crate::parse::field_path;
use crate::sources::Sources;

pub use human::{Style, human};

/// How diagnostics are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// With the lines they are about.
    Human,
    /// One JSON object per line.
    Json,
    /// One line each: `file:line:column: error[K0301]: message`.
    Short,
    /// Workflow commands of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Human, Self::Json, Self::Short, Self::Github, Self::Sarif];
}

/// Prints all that was found.
pub fn print(found: &Found, sources: &Sources, format: Format, style: Style, folder: &str) -> String {
    match format {
        Format::Human => human(found, sources, style, folder),
        Format::Json => json::json(&located(found, sources), sources, folder),
        Format::Short => short::short(&located(found, sources), sources, folder),
        Format::Github => short::github(&located(found, sources), sources, folder),
        Format::Sarif => sarif::sarif(&located(found, sources), sources, folder),
    }
}

/// What was found, with the field's path in the message where an evaluated file has no lines to name.
fn located<'a>(found: &'a Found, sources: &Sources) -> Cow<'a, Found> {
    let evaluated = |diagnostic: &Diagnostic| sources.get(diagnostic.primary.span.file).evaluated;
    if !found.diagnostics().iter().any(evaluated) {
        return Cow::Borrowed(found);
    }
    let mut located = Found::default();
    for diagnostic in found.diagnostics() {
        let mut diagnostic = diagnostic.clone();
        if evaluated(&diagnostic) {
            let span = diagnostic.primary.span;
            let path = field_path(&sources.get(span.file).text, span);
            diagnostic.message = format!("{} (at `{path}`)", diagnostic.message);
        }
        located.push(diagnostic);
    }
    Cow::Owned(located)
}

/// The path of a file as the caller named its folder: `scenarios/brief` and `scenario.yaml`. What is built in or lies
/// elsewhere (`./decisions.jsonl`) keeps its own.
pub fn path_of(folder: &str, path: &str) -> String {
    let elsewhere = ["<", "/", "./", "../"].iter().any(|start| path.starts_with(start));
    if folder.is_empty() || elsewhere { path.to_owned() } else { format!("{folder}/{path}") }
}

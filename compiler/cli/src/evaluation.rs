//! From `scenario.k` to what the compiler takes, and from what the engine says to diagnostics. Not here: running the engine.

use std::collections::BTreeMap;
use std::path::Path;

use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::span::Span;
use karsc_core::parse::Evaluated;
use karsc_core::schema;
use karsc_core::sources::{Evaluation, Position, Source, Sources};

use crate::kcl::{self, Fault, FaultKind, KclError, Place};
use crate::outcome::{Diagnosed, Exit, Failure};

/// Whether a text without a name is KCL: it imports the schema package.
pub(crate) fn is_kcl(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).lines().any(|line| line.starts_with("import karsc"))
}

/// Evaluates a KCL file of a scenario's folder.
pub(crate) fn evaluated(root: &Path, file: &str, folder: &str) -> Result<Evaluated, Failure> {
    let package = schema::kcl_package();
    let files: Vec<(&str, &str)> = package.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    match kcl::evaluate(root, &root.join(file), &files) {
        Ok(kcl::Evaluated { json, engine, files }) => Ok(Evaluated { json, evaluation: Evaluation { engine, files } }),
        Err(error) => {
            let package = package.iter().map(|(path, text)| (format!("karsc/{path}"), text.clone())).collect();
            Err(diagnosed(&error, &mut Places { root, entry: file, package, sources: Sources::default() }, folder))
        }
    }
}

fn diagnosed(error: &KclError, places: &mut Places<'_>, folder: &str) -> Failure {
    let mut found = Found::default();
    for fault in &error.faults {
        found.push(diagnostic(fault, places));
    }
    found.sort();
    let of_machine = |fault: &Fault| matches!(fault.kind, FaultKind::NoEngine | FaultKind::Machine);
    let exit = if error.faults.iter().all(of_machine) { Exit::Environment } else { Exit::Input };
    let sources = std::mem::take(&mut places.sources);
    Failure::Diagnosed(Box::new(Diagnosed { found, sources, folder: folder.to_owned(), exit }))
}

fn diagnostic(fault: &Fault, places: &mut Places<'_>) -> Diagnostic {
    let Fault { kind: _, message, place, related, help } = fault;
    let span = places.span(place.as_ref());
    let mut diagnostic = Diagnostic::error(codes::KCL, span, message.clone());
    for (place, text) in related {
        diagnostic = diagnostic.because(places.span(Some(place)), text.clone());
    }
    match help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

/// The files that faults point into.
struct Places<'a> {
    root: &'a Path,
    /// The scenario's file, where a fault without a place is shown.
    entry: &'a str,
    /// The schema package, by path from the folder that the engine saw.
    package: BTreeMap<String, String>,
    sources: Sources,
}

impl Places<'_> {
    fn span(&mut self, place: Option<&Place>) -> Span {
        let whole = Place { file: self.entry.to_owned(), line: 0, column: 0 };
        let Place { file, line, column } = place.unwrap_or(&whole);
        let (path, text) = match self.package.get(file) {
            Some(text) => (format!("<built-in>/{file}"), text.clone()),
            // A file that cannot be read is shown empty; that it cannot is the fault itself.
            None => (file.clone(), std::fs::read_to_string(self.root.join(file)).unwrap_or_default()),
        };
        let id = self.sources.add(Source { path, text, evaluated: false });
        match line {
            0 => Span { file: id, start: 0, end: 0 },
            line => self.sources.span_at(id, Position { line: *line, column: *column }),
        }
    }
}

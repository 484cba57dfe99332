//! Diagnostics on one line each, as compilers print them and as GitHub Actions reads them.

use kars_scenario::diagnostic::{Diagnostic, Found, Severity};

use super::human::visible;
use super::path_of;
use crate::sources::{Position, Sources};

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn place(diagnostic: &Diagnostic, sources: &Sources, folder: &str) -> (String, Position) {
    let span = diagnostic.primary.span;
    (path_of(folder, &sources.get(span.file).path), sources.position(span))
}

/// `file:line:column: error[K0301]: message; help`.
pub(super) fn short(found: &Found, sources: &Sources, folder: &str) -> String {
    let line = |diagnostic: &Diagnostic| {
        let (path, Position { line, column }) = place(diagnostic, sources, folder);
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let Diagnostic { severity, code, message, .. } = diagnostic;
        format!("{path}:{line}:{column}: {}[{code}]: {}{}\n", word(*severity), visible(message), visible(&help))
    };
    found.diagnostics().iter().map(line).collect()
}

/// `::error file=…,line=…,col=…,title=…::message`, with the escapes that the runner undoes.
pub(super) fn github(found: &Found, sources: &Sources, folder: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = |diagnostic: &Diagnostic| {
        let (path, Position { line, column }) = place(diagnostic, sources, folder);
        let help = diagnostic.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let text = data(&format!("{}{help}", diagnostic.message));
        format!(
            "::{} file={},line={line},col={column},title={}::{text}\n",
            word(diagnostic.severity),
            property(&path),
            diagnostic.code
        )
    };
    found.diagnostics().iter().map(line).collect()
}

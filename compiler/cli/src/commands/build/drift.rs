//! `karsc build --check -o DIR`: whether a committed bundle is what its scenario says. Nothing is written.

use std::path::Path;

use similar::TextDiff;

use crate::commands::comparison::Comparison;
use crate::commands::{compiled, is_object};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::{Printer, counted};

pub(super) fn run(inputs: &Inputs, folder: &Path, printer: &Printer) -> Outcome {
    let comparison = Comparison::with(folder);
    let compilation = compiled(inputs, &comparison, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Exit::Input);
    }
    answer(comparison, folder, printer)
}

/// Says the first file that differs, with the line of the scenario behind it, and how many there are.
pub(super) fn answer(comparison: Comparison<'_>, folder: &Path, printer: &Printer) -> Outcome {
    let seen = comparison.finish();
    let further = seen.further(folder)?;
    // Objects first: the inventory and the digests differ whenever an object does.
    let first = seen.differing.keys().find(|path| is_object(path)).or_else(|| seen.differing.keys().next());
    if let Some(path) = first {
        let meant = String::from_utf8_lossy(&seen.differing[path]);
        let there = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
        let origin = seen.origin(path).map(|line| format!(" (from {line})")).unwrap_or_default();
        let name = folder.join(path).display().to_string();
        printer.note(&format!("`{name}` differs from what the scenario says{origin}"))?;
        let diff = TextDiff::from_lines(there.as_str(), &meant).unified_diff().header(&name, "scenario").to_string();
        printer.data(diff.as_bytes())?;
    }
    if let Some(path) = further.first() {
        printer.note(&format!("`{}` is not part of the bundle", folder.join(path).display()))?;
    }
    let count = seen.differing.len() + further.len();
    if count == 0 {
        return Ok(Exit::Done);
    }
    printer.note(&format!(
        "{} not as built; `karsc build -o {}` writes them",
        counted(count, "file"),
        folder.display()
    ))?;
    Ok(Exit::Negative)
}

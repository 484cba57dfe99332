//! `karsc build --check -o DIR`: whether a committed bundle is what its scenario says. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};
use similar::TextDiff;

use crate::commands::{compiled, rejected};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;
use crate::tree::files_of;

/// What differs from the folder.
struct Comparison<'p> {
    folder: &'p Path,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    paths: BTreeSet<String>,
    /// What the folder should hold, where it does not.
    differing: BTreeMap<String, Vec<u8>>,
    source_map: Vec<u8>,
}

impl Output for Comparison<'_> {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let same = std::fs::read(self.folder.join(path)).is_ok_and(|there| there == bytes);
        let mut seen = self.seen.lock().expect("no writer panics");
        seen.paths.insert(path.to_owned());
        if path == "sourcemap.json" {
            seen.source_map = bytes.to_owned();
        }
        if !same {
            seen.differing.insert(path.to_owned(), bytes.to_owned());
        }
        Ok(())
    }
}

pub(super) fn run(inputs: &Inputs, folder: &Path, printer: &Printer) -> Outcome {
    let comparison = Comparison { folder, seen: Mutex::default() };
    let compilation = compiled(inputs, &comparison, printer)?;
    if compilation.bundle.is_none() {
        return Ok(rejected(&compilation));
    }
    let seen = comparison.seen.into_inner().expect("no writer panics");
    let further: Vec<_> = files_of(folder)?
        .into_iter()
        .filter(|path| !seen.paths.contains(path) && !path.starts_with("signatures/"))
        .collect();
    // Objects first: the inventory and the digests differ whenever an object does.
    let first = seen.differing.keys().find(|path| is_object(path)).or_else(|| seen.differing.keys().next());
    if let Some(path) = first {
        let meant = String::from_utf8_lossy(&seen.differing[path]);
        let there = std::fs::read_to_string(folder.join(path)).unwrap_or_default();
        let origin = origin(&seen.source_map, path).map(|line| format!(" (from {line})")).unwrap_or_default();
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
    printer.note(&format!("{count} files differ; `karsc build -o {}` writes them", folder.display()))?;
    Ok(Exit::Negative)
}

fn is_object(path: &str) -> bool {
    path.starts_with("agents/") || path.starts_with("mesh/")
}

/// The line of the scenario behind an object.
fn origin(source_map: &[u8], path: &str) -> Option<String> {
    let map: serde_json::Value = serde_json::from_slice(source_map).ok()?;
    Some(map.get("objects")?.get(path)?.get(0)?.as_str()?.to_owned())
}

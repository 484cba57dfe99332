//! `karsc build --platform`: what the administrators of a cluster own, from an environment alone.

use std::path::Path;

use crate::args::Source;
use crate::folder::Folder;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;
use crate::tree::Tree;

pub(super) fn run(source: &Source, path: &Path, printer: &Printer) -> Outcome {
    let folder = Folder::open(&source.path)?;
    let tree = Tree::prepare(path)?;
    let built = karsc_core::platform(&source.environment, &folder, &tree);
    let compilation = built.map_err(|error| Failure::Environment(error.to_string()))?;
    printer.diagnostics(&compilation.found, &compilation.sources, &source.path.to_string_lossy())?;
    let Some(bundle) = &compilation.bundle else { return Ok(Exit::Input) };
    tree.commit().map_err(|error| Failure::Environment(error.to_string()))?;
    printer.note(&format!("{} objects, {} written to `{}`", bundle.objects, bundle.content, path.display()))?;
    Ok(Exit::Done)
}

//! `karsc build --platform`: what the administrators of a cluster own, from an environment alone.

use std::path::Path;

use karsc_core::Compilation;
use karsc_core::bundle::Output;

use super::drift;
use crate::args::Build;
use crate::commands::comparison::Comparison;
use crate::folder::Folder;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;
use crate::tree::Tree;

pub(super) fn run(arguments: &Build, path: &Path, printer: &Printer) -> Outcome {
    if arguments.check {
        let comparison = Comparison::with(path);
        let compilation = compiled(arguments, &comparison, printer)?;
        return if compilation.bundle.is_some() { drift::answer(comparison, path, printer) } else { Ok(Exit::Input) };
    }
    let tree = Tree::prepare(path)?;
    let compilation = compiled(arguments, &tree, printer)?;
    let Some(bundle) = &compilation.bundle else { return Ok(Exit::Input) };
    tree.commit().map_err(|error| Failure::Environment(error.to_string()))?;
    printer.note(&format!("{} objects, {} written to `{}`", bundle.objects, bundle.content, path.display()))?;
    Ok(Exit::Done)
}

fn compiled(arguments: &Build, output: &dyn Output, printer: &Printer) -> Result<Compilation, Failure> {
    let source = &arguments.source;
    let folder = Folder::open(&source.path)?;
    let built = karsc_core::platform(&source.target.environment, &folder, output);
    let compilation = built.map_err(|error| Failure::Environment(error.to_string()))?;
    printer.diagnostics(&compilation.found, &compilation.sources, &source.path.to_string_lossy())?;
    Ok(compilation)
}

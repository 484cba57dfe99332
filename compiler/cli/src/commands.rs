//! The commands, one file each. They hold little logic: the compiler decides.

pub(crate) mod build;
pub(crate) mod check;
mod comparison;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod man;
mod progress;
pub(crate) mod version;

use kars_scenario::diagnostic::Found;
use karsc_core::bundle::{Cache, Output, Unwritable};
use karsc_core::{Compilation, Inspection, compile, compile_again};

use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

/// Takes files and forgets them.
pub(crate) struct Nowhere;

impl Output for Nowhere {
    fn write(&self, _: &str, _: &[u8]) -> Result<(), Unwritable> {
        Ok(())
    }
}

/// Compiles and prints what was noticed.
pub(crate) fn compiled(inputs: &Inputs, output: &dyn Output, printer: &Printer) -> Result<Compilation, Failure> {
    let watched = progress::Watched::over(output, printer);
    let compilation = compile(&inputs.input, inputs.as_of, inputs.files.as_ref(), &watched);
    drop(watched);
    printed(compilation, inputs, printer)
}

/// The same, with what was made before.
pub(crate) fn compiled_again(
    inputs: &Inputs,
    output: &dyn Output,
    cache: &mut Cache,
    printer: &Printer,
) -> Result<Compilation, Failure> {
    printed(compile_again(&inputs.input, inputs.as_of, inputs.files.as_ref(), output, cache), inputs, printer)
}

fn printed(
    compilation: Result<Compilation, Unwritable>,
    inputs: &Inputs,
    printer: &Printer,
) -> Result<Compilation, Failure> {
    let compilation = compilation.map_err(|error| Failure::Environment(error.to_string()))?;
    printer.diagnostics(&compilation.found, &compilation.sources, &inputs.folder)?;
    Ok(compilation)
}

/// Prints what was noticed on the way, and what was seen.
pub(crate) fn inspected(inspection: Inspection<impl AsRef<[u8]>>, inputs: &Inputs, printer: &Printer) -> Outcome {
    let Inspection { found, sources, seen } = inspection;
    printer.diagnostics(&found, &sources, &inputs.folder)?;
    let Some(seen) = seen else { return Ok(rejected_by(&found)) };
    printer.data(seen.as_ref())?;
    Ok(if found.has_errors() { rejected_by(&found) } else { Exit::Done })
}

/// How a compilation without a bundle ends.
pub(crate) fn rejected(compilation: &Compilation) -> Exit {
    rejected_by(&compilation.found)
}

fn rejected_by(found: &Found) -> Exit {
    let found = found.diagnostics();
    let errors = || found.iter().filter(|diagnostic| diagnostic.severity == kars_scenario::diagnostic::Severity::Error);
    if errors().next().is_some() && errors().all(|diagnostic| karsc_core::check::is_environmental(diagnostic.code)) {
        Exit::Environment
    } else {
        Exit::Input
    }
}

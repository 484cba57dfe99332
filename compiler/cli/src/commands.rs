//! The commands, one file each. They hold little logic: the compiler decides.

mod artifact;
pub(crate) mod build;
pub(crate) mod check;
mod comparison;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod lock;
pub(crate) mod man;
mod objects;
mod progress;
pub(crate) mod publish;
pub(crate) mod schema;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod suggest;
pub(crate) mod test;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod wait;
pub(crate) mod why;

use kars_scenario::diagnostic::Found;
use karsc_core::bundle::{Cache, Output, Unwritable};
use karsc_core::sources::Sources;
use karsc_core::{Compilation, Inspection, compile, compile_again, compile_with_tests};
pub(crate) use objects::{Objects, is_object};

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

/// Compiles, keeps nothing, reads the policy tests too, and prints what was noticed.
pub(crate) fn judged(inputs: &Inputs, printer: &Printer) -> Result<Compilation, Failure> {
    let watched = progress::Watched::over(&Nowhere, printer);
    let compilation = compile_with_tests(&inputs.input, inputs.as_of, inputs.files.as_ref(), &watched);
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
    noticed(&compilation.found, &compilation.sources, inputs, printer)?;
    Ok(compilation)
}

/// Prints what was noticed on the way, and what was seen.
pub(crate) fn inspected(inspection: Inspection<impl AsRef<[u8]>>, inputs: &Inputs, printer: &Printer) -> Outcome {
    let has_errors = inspection.found.has_errors();
    let Some(seen) = seen(inspection, inputs, printer)? else { return Ok(Exit::Input) };
    printer.data(seen.as_ref())?;
    Ok(if has_errors { Exit::Input } else { Exit::Done })
}

/// Prints what was noticed on the way, and hands over what was seen.
pub(crate) fn seen<T>(inspection: Inspection<T>, inputs: &Inputs, printer: &Printer) -> Result<Option<T>, Failure> {
    let Inspection { found, sources, seen } = inspection;
    noticed(&found, &sources, inputs, printer)?;
    Ok(seen)
}

/// An answer as JSON.
pub(crate) fn json(answer: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(answer).expect("text and numbers") + "\n"
}

/// Prints the diagnostics, and the files they are about for those who want to know.
fn noticed(found: &Found, sources: &Sources, inputs: &Inputs, printer: &Printer) -> Result<(), Failure> {
    for source in sources.iter().filter(|source| !source.path.starts_with('<')) {
        printer.detail(|| format!("read `{}`, {} bytes", source.path, source.text.len()))?;
    }
    printer.diagnostics(found, sources, &inputs.folder)
}

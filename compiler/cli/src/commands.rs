//! The commands, one file each. They hold little logic: the compiler decides.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod schema;
pub(crate) mod version;

use karsc_core::bundle::{Output, Unwritable};
use karsc_core::{Compilation, compile};

use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure};
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
    let compilation = compile(&inputs.input, inputs.as_of, inputs.files.as_ref(), output)
        .map_err(|error| Failure::Environment(error.to_string()))?;
    printer.diagnostics(&compilation.found, &compilation.sources, &inputs.folder)?;
    Ok(compilation)
}

/// How a compilation without a bundle ends.
pub(crate) fn rejected(compilation: &Compilation) -> Exit {
    let found = compilation.found.diagnostics();
    let errors = || found.iter().filter(|diagnostic| diagnostic.severity == kars_scenario::diagnostic::Severity::Error);
    if errors().next().is_some() && errors().all(|diagnostic| karsc_core::check::is_environmental(diagnostic.code)) {
        Exit::Environment
    } else {
        Exit::Input
    }
}

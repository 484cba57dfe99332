//! `karsc check`: all diagnostics, nothing written.

use super::{Nowhere, compiled};
use crate::args::Check;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Check, printer: &Printer) -> Outcome {
    let inputs = Inputs::of(&arguments.source)?;
    let compilation = compiled(&inputs, &Nowhere, printer)?;
    match &compilation.summary {
        None => Ok(Exit::Input),
        Some(summary) => {
            let warnings = compilation.found.diagnostics().len();
            let agents = counted(summary.agents.len(), "agent");
            let text = if warnings == 0 { "no fault".to_owned() } else { counted(warnings, "warning") };
            printer.note(&format!("`{}` for `{}`: {agents}, {text}", summary.scenario, summary.environment))?;
            Ok(Exit::Done)
        }
    }
}

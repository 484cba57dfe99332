//! `karsc check`: all diagnostics, nothing written.

use super::{Nowhere, compiled};
use crate::args::Check;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Check, printer: &Printer) -> Outcome {
    let inputs = Inputs::of(&arguments.source)?;
    let compilation = compiled(&inputs, &Nowhere, printer)?;
    match &compilation.summary {
        None => Ok(Exit::Input),
        Some(summary) => {
            let warnings = compilation.found.diagnostics().len();
            let agents = summary.agents.len();
            let text = if warnings == 0 { "no fault".to_owned() } else { format!("{warnings} warnings") };
            printer.note(&format!("`{}` for `{}`: {agents} agents, {text}", summary.scenario, summary.environment))?;
            Ok(Exit::Done)
        }
    }
}

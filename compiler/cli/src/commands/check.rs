//! `karsc check`: all diagnostics of a scenario and its policy tests, nothing written.

use super::judged;
use crate::args::Check;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Check, printer: &Printer) -> Outcome {
    let inputs = Inputs::of(&arguments.source)?;
    let compilation = judged(&inputs, printer)?;
    match &compilation.summary {
        // A scenario may be sound, and its tests not.
        Some(summary) if !compilation.found.has_errors() => {
            let warnings = compilation.found.diagnostics().len();
            let agents = counted(summary.agents.len(), "agent");
            let text = if warnings == 0 { "no fault".to_owned() } else { counted(warnings, "warning") };
            printer.note(&format!("`{}` for `{}`: {agents}, {text}", summary.scenario, summary.environment))?;
            Ok(Exit::Done)
        }
        _ => Ok(Exit::Input),
    }
}

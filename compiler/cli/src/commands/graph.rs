//! `karsc graph`: who writes to whom, and what each agent reaches.

use karsc_core::graph::{Format, Graph};

use super::inspected;
use crate::args::{Graph as Arguments, GraphFormat};
use crate::inputs::Inputs;
use crate::outcome::Outcome;
use crate::print::Printer;

pub(crate) fn run(arguments: &Arguments, printer: &Printer) -> Outcome {
    let format = match arguments.format {
        GraphFormat::Mermaid => Format::Mermaid,
        GraphFormat::Dot => Format::Dot,
        GraphFormat::Json => Format::Json,
        GraphFormat::Tree => Format::Tree,
    };
    let inputs = Inputs::of(&arguments.source)?;
    let inspection = karsc_core::inspect(&inputs.input, inputs.as_of, inputs.files.as_ref(), |checked| {
        Graph::of(checked.resolved()).print(format)
    });
    inspected(inspection, &inputs, printer)
}

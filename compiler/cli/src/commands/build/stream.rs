//! `karsc build -o -`: the objects as one YAML stream, in the order they are applied.

use crate::commands::{Objects, compiled};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(super) fn run(inputs: &Inputs, printer: &Printer) -> Outcome {
    let objects = Objects::default();
    let compilation = compiled(inputs, &objects, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Exit::Input);
    }
    for bytes in objects.in_order().into_values() {
        printer.data(b"---\n")?;
        printer.data(&bytes)?;
    }
    Ok(Exit::Done)
}

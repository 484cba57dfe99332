//! `karsc build --stage NAME`: what a stage of the pipeline made.

use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};
use karsc_core::stage::{self, Stage as Early};

use super::stream;
use crate::args::Stage;
use crate::commands::{compiled, inspected};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(super) fn run(stage: Stage, inputs: &Inputs, printer: &Printer) -> Outcome {
    let early = match stage {
        Stage::Parsed => Early::Parsed,
        Stage::Resolved => Early::Resolved,
        Stage::Checked => Early::Checked,
        Stage::Lowered => Early::Lowered,
        Stage::Rendered => return stream::run(inputs, printer),
        Stage::Bundled => return inventory(inputs, printer),
    };
    inspected(stage::show(early, &inputs.input, inputs.as_of, inputs.files.as_ref()), inputs, printer)
}

/// Keeps the inventory alone.
#[derive(Default)]
struct Inventory(Mutex<Vec<u8>>);

impl Output for Inventory {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        if path == "bundle.json" {
            bytes.clone_into(&mut self.0.lock().expect("no writer panics"));
        }
        Ok(())
    }
}

fn inventory(inputs: &Inputs, printer: &Printer) -> Outcome {
    let inventory = Inventory::default();
    let compilation = compiled(inputs, &inventory, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Exit::Input);
    }
    printer.data(&inventory.0.into_inner().expect("no writer panics"))?;
    Ok(Exit::Done)
}

//! `karsc build -o -`: the objects as one YAML stream, in the order they are applied.

use std::collections::BTreeMap;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};

use crate::commands::comparison::is_object;
use crate::commands::compiled;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

/// Objects by path; everything else is passed over.
#[derive(Default)]
struct Objects(Mutex<BTreeMap<(bool, String), Vec<u8>>>);

impl Output for Objects {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let in_mesh = path.starts_with("mesh/");
        if is_object(path) {
            self.0.lock().expect("no writer panics").insert((!in_mesh, path.to_owned()), bytes.to_owned());
        }
        Ok(())
    }
}

pub(super) fn run(inputs: &Inputs, printer: &Printer) -> Outcome {
    let objects = Objects::default();
    let compilation = compiled(inputs, &objects, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Exit::Input);
    }
    for bytes in objects.0.into_inner().expect("no writer panics").into_values() {
        printer.data(b"---\n")?;
        printer.data(&bytes)?;
    }
    Ok(Exit::Done)
}

//! `karsc build`: the bundle, or a summary of it, or the answer whether a folder still holds it.

mod drift;
mod hydrated;
mod platform;
mod stage;
mod stream;
mod summary;
mod watch;

use std::path::Path;

use super::{Nowhere, compiled};
use crate::args::{Build, Layout};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;
use crate::tree::Tree;

pub(crate) fn run(arguments: &Build, printer: &Printer) -> Outcome {
    if let Some(path) = arguments.output.as_ref().filter(|_| arguments.platform) {
        return platform::run(arguments, path, printer);
    }
    if let (Some(Layout::ArgoHydrator), Some(path)) = (arguments.layout, &arguments.output) {
        return hydrated::run(arguments, path, printer);
    }
    let inputs = Inputs::of(&arguments.source)?;
    if let Some(stage) = arguments.stage {
        return stage::run(stage, &inputs, printer);
    }
    match &arguments.output {
        None => summarise(&inputs, printer),
        Some(path) if path == Path::new("-") => stream::run(&inputs, printer),
        Some(path) if arguments.check => drift::run(&inputs, path, printer),
        Some(path) if arguments.watch => watch::run(arguments, path, printer),
        Some(path) => write(&inputs, path, printer),
    }
}

fn summarise(inputs: &Inputs, printer: &Printer) -> Outcome {
    let compilation = compiled(inputs, &Nowhere, printer)?;
    let (Some(bundle), Some(built)) = (&compilation.bundle, &compilation.summary) else {
        return Ok(Exit::Input);
    };
    if !printer.diagnostics_are_data() {
        printer.data(summary::text(built, bundle, compilation.found.diagnostics().len()).as_bytes())?;
    }
    Ok(Exit::Done)
}

fn write(inputs: &Inputs, path: &Path, printer: &Printer) -> Outcome {
    let tree = Tree::prepare(path)?;
    let compilation = compiled(inputs, &tree, printer)?;
    let Some(bundle) = &compilation.bundle else { return Ok(Exit::Input) };
    let changed = tree.commit().map_err(|error| Failure::Environment(error.to_string()))?;
    let state = if changed { "written to" } else { "unchanged in" };
    printer.note(&format!(
        "{} objects, {} files, {} {state} `{}`",
        bundle.objects,
        bundle.files,
        bundle.content,
        path.display()
    ))?;
    Ok(Exit::Done)
}

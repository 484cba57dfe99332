//! `karsc completions`: a script for a shell.

use clap::CommandFactory;

use crate::args::{Arguments, Completions};
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Completions, printer: &Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "karsc", &mut script);
    printer.data(&script)?;
    Ok(Exit::Done)
}

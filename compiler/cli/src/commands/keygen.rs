//! `karsc keygen`: a new pair of keys. Not here: what they look like in files (`keys`).

use crate::args::Keygen;
use crate::keys::{Files, Pair, Password};
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Keygen, printer: &Printer) -> Outcome {
    let files = Files::with(&arguments.output)?;
    let password = if arguments.plain {
        None
    } else {
        Some(Password::in_file(arguments.password_file.as_deref()).for_making(&files.private)?)
    };
    Pair::generate()?.write(&files, password.as_ref().map(|password| password.as_slice()))?;
    let (private, public) = (files.private.display(), files.public.display());
    printer.note(&format!("`{private}` signs and stays with its owner; `{public}` is for everybody who verifies"))?;
    Ok(Exit::Done)
}

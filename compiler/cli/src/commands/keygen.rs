//! `karsc keygen`: a new pair of keys. Not here: their form (`keys`).

use crate::args::Keygen;
use crate::keys::{Pair, new_password};
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Keygen, printer: &Printer) -> Outcome {
    let password = if arguments.plain { None } else { Some(new_password(arguments.password_file.as_deref())?) };
    let (private, public) = Pair::generate(password.as_deref())?.write(&arguments.output)?;
    printer.note(&format!(
        "wrote `{}`, which signs, and `{}`, which others verify with",
        private.display(),
        public.display()
    ))?;
    Ok(Exit::Done)
}

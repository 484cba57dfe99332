//! `karsc fmt`: the files of a scenario in one layout, comments kept.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use kars_scenario::diagnostic::Found;
use karsc_core::format::{self, Formatted};
use karsc_core::sources::Sources;

use crate::args::Fmt;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Fmt, printer: &Printer) -> Outcome {
    let inputs = Inputs::at(&arguments.path)?;
    let (mut sources, mut found) = (Sources::default(), Found::default());
    let mut formatted = Vec::new();
    for path in format::paths(&inputs.input, inputs.files.as_ref()) {
        let bytes = inputs.files.read(&path);
        let bytes = bytes.map_err(|error| Failure::Environment(format!("`{path}` cannot be read: {error}")))?;
        match format::format(&path, bytes.clone(), &mut sources, &mut found) {
            None => {}
            Some(Ok(text)) => formatted.push((path, bytes, text)),
            Some(Err(error)) => return Err(Failure::Bug(format!("`{path}` is left as it is: {error}"))),
        }
    }
    printer.diagnostics(&found, &sources, &inputs.folder)?;
    if found.has_errors() {
        return Ok(Exit::Input);
    }
    let Some(root) = &inputs.root else { return print(&formatted, arguments.check, printer) };
    let changed: Vec<_> = formatted.into_iter().filter(|(_, bytes, text)| bytes != text.after.as_bytes()).collect();
    for (path, _, text) in &changed {
        let path = root.join(path);
        if arguments.check {
            printer.data(format!("{}\n", path.display()).as_bytes())?;
        } else {
            replace(&path, &text.after)
                .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))?;
        }
    }
    let would = if arguments.check { "to be laid out" } else { "laid out" };
    printer.note(&format!("{} {would}", counted(changed.len(), "file")))?;
    Ok(if arguments.check && !changed.is_empty() { Exit::Negative } else { Exit::Done })
}

/// Standard input goes to standard output.
fn print(formatted: &[(String, Vec<u8>, Formatted)], check: bool, printer: &Printer) -> Outcome {
    for (_, _, text) in formatted {
        if !check {
            printer.data(text.after.as_bytes())?;
        } else if text.before != text.after {
            return Ok(Exit::Negative);
        }
    }
    Ok(Exit::Done)
}

/// Puts a new file in the place of an old one, with the same permissions; nobody ever sees half of it.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.persist(&path)?;
    Ok(())
}

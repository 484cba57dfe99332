//! `karsc diff`: how the objects of a scenario differ from those of another bundle. The order of keys and the layout of a
//! file are no difference. Not here: what a difference means for reach and budgets.

mod against_cluster;

use std::collections::BTreeMap;
use std::path::Path;

use karsc_core::render::canonical;
use similar::TextDiff;

use super::comparison::Comparison;
use super::{compiled, is_object};
use crate::args::Diff;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Diff, printer: &Printer) -> Outcome {
    let folder = arguments.against.as_path();
    if folder == Path::new("cluster") {
        return against_cluster::run(arguments, printer);
    }
    if arguments.access.kubeconfig.is_some() || arguments.access.context.is_some() {
        let message = "`--kubeconfig` and `--context` are for `--against cluster`";
        return Err(Failure::Usage(message.to_owned()));
    }
    if !folder.join("bundle.json").is_file() {
        return Err(Failure::Environment(format!(
            "`{}` holds no bundle; name a folder that a build wrote",
            folder.display()
        )));
    }
    let inputs = Inputs::of(&arguments.source)?;
    let comparison = Comparison::with(folder);
    let compilation = compiled(&inputs, &comparison, printer)?;
    if compilation.bundle.is_none() {
        return Ok(Exit::Input);
    }
    let seen = comparison.finish();
    let further = seen.further(folder)?;
    let new = seen.differing.into_iter().map(|(path, bytes)| (path, Some(bytes)));
    let gone = further.into_iter().map(|path| (path, None));
    // The mesh before the agents, as they are applied.
    let objects: BTreeMap<_, _> = new
        .chain(gone)
        .filter(|(path, _)| is_object(path))
        .map(|(path, bytes)| ((!path.starts_with("mesh/"), path), bytes))
        .collect();
    let mut count = 0;
    for ((_, path), bytes) in objects {
        let difference = difference(folder, &path, bytes.as_deref())?;
        count += usize::from(!difference.is_empty());
        printer.data(difference.as_bytes())?;
    }
    if count == 0 {
        return Ok(Exit::Done);
    }
    printer.note(&format!("{} not the same", counted(count, "object")))?;
    Ok(Exit::Negative)
}

/// One object as a unified difference; empty where both files say the same.
fn difference(folder: &Path, path: &str, new: Option<&[u8]>) -> Result<String, Failure> {
    let there = folder.join(path);
    let old = match std::fs::read(&there) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::Environment(format!("`{}` cannot be read: {error}", there.display()))),
    };
    let (before, after) = (text(old.as_deref()), text(new));
    let name = |side: Option<&[u8]>, name: String| side.map_or_else(|| "/dev/null".to_owned(), |_| name);
    let old_name = name(old.as_deref(), there.display().to_string());
    let new_name = name(new, format!("scenario/{path}"));
    Ok(TextDiff::from_lines(&before, &after).unified_diff().header(&old_name, &new_name).to_string())
}

/// An object in the one layout that all are compared in.
fn text(bytes: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy(bytes.unwrap_or_default());
    canonical(&text).unwrap_or_else(|| text.into_owned())
}

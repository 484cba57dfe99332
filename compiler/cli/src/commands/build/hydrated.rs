//! `karsc build --layout argo-hydrator`: the files of a hydrated branch, written into a checkout of it. A bundle that is
//! given as a folder is taken as it is, signatures included. Not here: the layout (`karsc_core::hydrated`), and commits.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};
use karsc_core::hydrated::{DrySource, hydrated};

use crate::args::Build;
use crate::commands::compiled;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};
use crate::tree::files_of;

/// The files of a bundle, by path.
type Files = BTreeMap<String, Vec<u8>>;

/// Keeps what is built.
#[derive(Default)]
struct Kept(Mutex<Files>);

impl Output for Kept {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        self.0.lock().expect("no writer panics").insert(path.to_owned(), bytes.to_owned());
        Ok(())
    }
}

pub(super) fn run(arguments: &Build, branch: &Path, printer: &Printer) -> Outcome {
    refuse_foreign(branch)?;
    let source = &arguments.source.path;
    let bundle = if source.join("bundle.json").is_file() { Some(read(source)?) } else { built(arguments, printer)? };
    let Some(bundle) = bundle else { return Ok(Exit::Input) };
    let dry = DrySource {
        repository: arguments.dry_repository.clone(),
        commit: arguments.dry_sha.clone().expect("the layout requires it"),
    };
    let files = hydrated(&bundle, &dry).map_err(|error| Failure::Usage(error.to_string()))?;
    // What says where the manifests are from is written after them.
    let (root, below): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| !path.contains('/'));
    for (path, bytes) in below.into_iter().chain(root) {
        put(&branch.join(path), bytes).map_err(|error| {
            Failure::Environment(format!("`{}` cannot be written: {error}", branch.join(path).display()))
        })?;
    }
    printer.note(&format!("{} written to `{}`", counted(files.len(), "file"), branch.display()))?;
    Ok(Exit::Done)
}

/// A branch is empty, or one that was hydrated before; anything else may hold what somebody wrote.
fn refuse_foreign(branch: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(branch) else { return Ok(()) };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).filter(|name| name != ".git").collect();
    if names.is_empty() || names.iter().any(|name| name == "hydrator.metadata") {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "`{}` holds files, but no `hydrator.metadata`; name a checkout of the hydrated branch, or an empty folder",
        branch.display()
    )))
}

fn read(folder: &Path) -> Result<Files, Failure> {
    let paths = files_of(folder)?.into_iter();
    let read = |path: String| match fs::read(folder.join(&path)) {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) => Err(Failure::Environment(format!("`{}` cannot be read: {error}", folder.join(path).display()))),
    };
    paths.map(read).collect()
}

fn built(arguments: &Build, printer: &Printer) -> Result<Option<Files>, Failure> {
    let kept = Kept::default();
    let compilation = compiled(&Inputs::of(&arguments.source)?, &kept, printer)?;
    Ok(compilation.bundle.is_some().then(|| kept.0.into_inner().expect("no writer panics")))
}

/// Writes a file whole or not at all; one that is right already is left as it is.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = folder.join(".karsc-new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}

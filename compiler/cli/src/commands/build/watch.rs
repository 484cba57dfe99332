//! `karsc build -o DIR --watch`: builds again whenever a file of the scenario changes. The folder is looked at a few times
//! a second, which works on every file system and costs less than it would to be told.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use karsc_core::bundle::Cache;

use crate::args::Build;
use crate::commands::compiled_again;
use crate::inputs::Inputs;
use crate::outcome::{Failure, Outcome};
use crate::print::Printer;
use crate::tree::{Stamps, Tree};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What there is to see of a file without reading it.
type Look = (PathBuf, Option<SystemTime>, u64);

/// What is known from build to build.
#[derive(Default)]
struct Memory {
    cache: Cache,
    stamps: Stamps,
}

pub(super) fn run(arguments: &Build, output: &Path, printer: &Printer) -> Outcome {
    let root = Inputs::of(&arguments.source)?.root;
    let root = root.ok_or_else(|| Failure::Usage("standard input cannot be watched; name a folder".to_owned()))?;
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { &root };
    let mut memory = Memory::default();
    let mut before = None;
    loop {
        // Looked at before it is read: what changes meanwhile is built next.
        let now = look(root, output);
        if before.as_ref() != Some(&now) {
            match rebuild(arguments, output, &mut memory, printer) {
                Ok(()) => {}
                Err(Failure::ReaderGone) => return Err(Failure::ReaderGone),
                Err(failure) if before.is_none() => return Err(failure),
                Err(failure) => printer.failure(&failure)?,
            }
            before = Some(now);
        }
        sleep(PAUSE);
    }
}

fn rebuild(arguments: &Build, output: &Path, memory: &mut Memory, printer: &Printer) -> Result<(), Failure> {
    let started = Instant::now();
    let inputs = Inputs::of(&arguments.source)?;
    let tree = Tree::prepare_again(output, std::mem::take(&mut memory.stamps))?;
    let compilation = compiled_again(&inputs, &tree, &mut memory.cache, printer)?;
    let Some(bundle) = &compilation.bundle else {
        return printer.note("not built; the folder is as it was");
    };
    memory.stamps = tree.commit_again().map_err(|error| Failure::Environment(error.to_string()))?;
    memory.cache.commit();
    let milliseconds = started.elapsed().as_millis();
    printer.note(&format!("built in {milliseconds} ms: {} objects, {}", bundle.objects, bundle.content))
}

/// All files of the scenario's folder but hidden ones and the bundle.
fn look(root: &Path, output: &Path) -> Vec<Look> {
    let output = fs::canonicalize(output).ok();
    let mut seen = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !metadata.is_dir() {
                seen.push((path, metadata.modified().ok(), metadata.len()));
            } else if !entry.path().is_symlink() && fs::canonicalize(&path).ok() != output {
                open.push(path);
            }
        }
    }
    seen.sort();
    seen
}

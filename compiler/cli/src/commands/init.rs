//! `karsc init`: a small scenario that builds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kars_scenario::name::Name;
use karsc_core::scaffold;

use crate::args::Init;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Init, printer: &Printer) -> Outcome {
    let (folder, name) = match &arguments.name {
        Some(name) => (PathBuf::from(name.as_str()), name.clone()),
        None => (PathBuf::from("."), name_of_current_folder()?),
    };
    let files = scaffold::files(&name);
    if let Some((path, _)) = files.iter().find(|(path, _)| folder.join(path).symlink_metadata().is_ok()) {
        let path = folder.join(path);
        return Err(Failure::Refused(format!("`{}` exists already; `init` replaces nothing", path.display())));
    }
    for (path, text) in &files {
        let path = folder.join(path);
        write(&path, text)
            .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))?;
    }
    let path = folder.display();
    printer.note(&format!("{} files written to `{path}`; `karsc build {path}` shows what they say", files.len()))?;
    Ok(Exit::Done)
}

fn name_of_current_folder() -> Result<Name, Failure> {
    let folder = std::env::current_dir()
        .map_err(|error| Failure::Environment(format!("the current folder cannot be read: {error}")))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Name::parse(&name).map_err(|error| {
        Failure::Usage(format!("the folder's name `{name}` cannot name a scenario: {error}; run `karsc init NAME`"))
    })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

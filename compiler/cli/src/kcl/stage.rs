//! The folder that an evaluation sees: a copy of the scenario's KCL files beside the schema package. Not here: what goes in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::fault::{Fault, FaultKind, KclError, Place};
use super::gather::Sources;

/// A temporary folder. It is removed when the value is dropped.
pub(super) struct Stage {
    _folder: TempDir,
    /// Canonical, as the engine will spell it.
    root: PathBuf,
    entry: String,
}

impl Stage {
    pub(super) fn set_up(sources: &Sources, schema: &[(&str, &str)]) -> Result<Self, KclError> {
        Self::write(sources, schema).map_err(|error| {
            Fault::new(FaultKind::Machine, format!("cannot prepare the evaluation: {error}"))
                .help("make room in the folder for temporary files")
                .into()
        })
    }

    fn write(sources: &Sources, schema: &[(&str, &str)]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("karsc-kcl-").tempdir()?;
        let root = folder.path().canonicalize()?;
        // With a package file here, the engine does not look for one in the folders above.
        write_file(&root.join("kcl.mod"), "[package]\nname = \"karsc_scenario\"\n")?;
        for (path, text) in &sources.texts {
            write_file(&root.join(path), text)?;
        }
        for (path, text) in schema {
            write_file(&root.join("karsc").join(path), text)?;
        }
        Ok(Self { _folder: folder, root, entry: sources.entry.clone() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The file to evaluate.
    pub(super) fn entry(&self) -> PathBuf {
        self.root.join(&self.entry)
    }

    /// The same, relative to the scenario's folder.
    pub(super) fn entry_name(&self) -> &str {
        &self.entry
    }

    /// Translates a place that the engine names; nothing when it is not in a staged file.
    pub(super) fn place(&self, file: &str, line: usize, column: usize) -> Option<Place> {
        let relative = Path::new(file).strip_prefix(&self.root).ok()?;
        Some(Place { file: relative.to_str()?.replace('\\', "/"), line, column })
    }
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

//! The file of the ceiling. Not here: counting.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

pub(super) const FILE: &str = "budget.json";

/// What no count has come to yet.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Ceiling {
    pub(super) day: String,
    pub(super) day_tokens: u64,
    pub(super) month: String,
    pub(super) month_tokens: u64,
    /// How often the file was written, which tells an older copy; earlier versions did not count.
    #[serde(default)]
    pub(super) writes: u64,
}

/// Where it lies.
#[derive(Debug)]
pub(super) struct CeilingFile {
    folder: PathBuf,
}

impl CeilingFile {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What is written; nothing where there is no file, and a sentence where it cannot be understood.
    pub(super) fn read(&self) -> io::Result<Result<Option<Ceiling>, String>> {
        match fs::read(self.folder.join(FILE)) {
            Ok(bytes) => {
                // A list would otherwise be read as the fields, in order.
                let object = bytes.starts_with(b"{");
                let ceiling = serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("`{FILE}`: {error}"));
                Ok(if object { ceiling } else { Err(format!("`{FILE}` is no JSON object")) })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Ok(None)),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, and for good: what is promised elsewhere must not be ahead of it after a power cut.
    pub(super) fn write(&self, ceiling: &Ceiling) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, ceiling)?;
        file.write_all(b"\n")?;
        file.as_file().sync_data()?;
        file.persist(self.folder.join(FILE)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }
}

//! A scenario's folder on disk.

use std::path::{Path, PathBuf};

use karsc_core::sources::{Files, Unreadable};

pub(crate) struct Disk(pub(crate) PathBuf);

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        std::fs::read(self.0.join(path)).map_err(|_| Unreadable::Missing)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        files_under(&self.0.join(folder)).into_iter().map(|path| format!("{folder}/{path}")).collect()
    }
}

/// The files of a folder and its subfolders, by their path inside it, sorted.
pub(crate) fn files_under(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_under(&entry.path()).into_iter().map(|path| format!("{name}/{path}")));
        } else {
            files.push(name);
        }
    }
    files.sort();
    files
}

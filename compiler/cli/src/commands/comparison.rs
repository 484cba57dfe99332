//! A build that is compared with a folder while it is made. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};

use crate::outcome::Failure;
use crate::slots;
use crate::tree::files_of;

/// Compares files as they are made.
pub(crate) struct Comparison<'p> {
    folder: &'p Path,
    seen: Mutex<Seen>,
}

/// What a comparison has shown.
#[derive(Default)]
pub(crate) struct Seen {
    paths: BTreeSet<String>,
    /// What the folder should hold, where it does not.
    pub(crate) differing: BTreeMap<String, Vec<u8>>,
    pub(crate) source_map: Vec<u8>,
}

impl<'p> Comparison<'p> {
    pub(crate) fn with(folder: &'p Path) -> Self {
        Self { folder, seen: Mutex::default() }
    }

    pub(crate) fn finish(self) -> Seen {
        self.seen.into_inner().expect("no writer panics")
    }
}

impl Output for Comparison<'_> {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let same =
            std::fs::read(self.folder.join(path)).is_ok_and(|there| there == bytes || is_filled(path, &there, bytes));
        let mut seen = self.seen.lock().expect("no writer panics");
        seen.paths.insert(path.to_owned());
        if path == "sourcemap.json" {
            bytes.clone_into(&mut seen.source_map);
        }
        if !same {
            seen.differing.insert(path.to_owned(), bytes.to_owned());
        }
        Ok(())
    }
}

impl Seen {
    /// The files of the folder that the build has not made, signatures aside.
    pub(crate) fn further(&self, folder: &Path) -> Result<Vec<String>, Failure> {
        let files = files_of(folder)?.into_iter();
        Ok(files.filter(|path| !self.paths.contains(path) && !path.starts_with("signatures/")).collect())
    }

    /// The line of the scenario behind an object.
    pub(crate) fn origin(&self, path: &str) -> Option<String> {
        let map: serde_json::Value = serde_json::from_slice(&self.source_map).ok()?;
        Some(map.get("objects")?.get(path)?.get(0)?.as_str()?.to_owned())
    }
}

/// Whether what is there is a slot that was filled since.
fn is_filled(path: &str, there: &[u8], built: &[u8]) -> bool {
    let filled = slots::agent(path).and_then(|_| slots::empty(std::str::from_utf8(there).ok()?));
    filled.is_some_and(|(empty, _)| empty.as_bytes() == built)
}

//! The files of a bundle as they lie on disk: every one is read, and nothing else may be there. Not here: signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kars_contract::digest::Digest;
use rayon::prelude::*;

use super::inventory::Inventory;
use super::{SIGNATURES, mismatch};
use crate::outcome::Failure;
use crate::slots;

/// The largest file that is read, in bytes: the inventory of 100,000 agents.
const LARGEST: u64 = 512 << 20;
/// What may lie in the folder of signatures.
pub(crate) const KNOWN: [&str; 3] = ["bundle.sigstore.json", "provenance.sigstore.json", "sbom.sigstore.json"];

/// What lies in a bundle's folder.
pub(crate) struct World<'f> {
    folder: &'f Path,
    files: BTreeSet<String>,
    signatures: BTreeMap<String, Vec<u8>>,
}

impl<'f> World<'f> {
    /// Looks at a folder. Bootstrap objects in `delivery/` belong to nobody's inventory and are left alone.
    pub(crate) fn read(folder: &'f Path) -> Result<Self, Failure> {
        if !folder.join("bundle.json").is_file() {
            let message = format!("`{}` holds no bundle: there is no `bundle.json`", folder.display());
            return Err(Failure::Unverified { exit: 11, message });
        }
        let mut files = BTreeSet::new();
        collect(folder, "", &mut files)?;
        let mut signatures = BTreeMap::new();
        for path in files.iter().filter_map(|path| path.strip_prefix(SIGNATURES)?.strip_prefix('/')) {
            if !KNOWN.contains(&path) {
                let message = format!("`{SIGNATURES}/{path}` is not a signature of a bundle; remove it");
                return Err(Failure::Unverified { exit: 12, message });
            }
            signatures.insert(path.to_owned(), content(folder, &format!("{SIGNATURES}/{path}"))?);
        }
        files.retain(|path| !path.starts_with("signatures/"));
        twins(&files)?;
        Ok(Self { folder, files, signatures })
    }

    /// Reads a file.
    pub(crate) fn content(&self, path: &str) -> Result<Vec<u8>, Failure> {
        content(self.folder, path)
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// A signature file; empty where there is none.
    pub(crate) fn signature(&self, name: &str) -> &[u8] {
        self.signatures.get(name).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_signature(&self, name: &str) -> bool {
        self.signatures.contains_key(name)
    }

    /// Compares every file with the inventory. Returns what the slots hold, by agent.
    pub(crate) fn compare(&self, inventory: &Inventory) -> Result<BTreeMap<String, String>, Failure> {
        if let Some(path) =
            self.files.iter().find(|path| *path != "bundle.json" && !inventory.files.contains_key(*path))
        {
            return Err(mismatch(&format!("`{path}` is not in the inventory: it was added")));
        }
        if let Some(path) = inventory.files.keys().find(|path| !self.files.contains(*path)) {
            return Err(mismatch(&format!("`{path}` is in the inventory and not in the folder: it was removed")));
        }
        let read = |(path, wanted): (&String, &Digest)| -> Result<Option<(String, String)>, Failure> {
            let bytes = self.content(path)?;
            let (found, slot) = match slots::agent(path) {
                None => (Digest::of(&bytes), None),
                Some(agent) => {
                    let text = String::from_utf8(bytes).ok();
                    let (empty, signatures) = text
                        .and_then(|text| slots::empty(&text))
                        .ok_or_else(|| mismatch(&format!("`{path}` is not the slot that was built")))?;
                    (Digest::of(empty.as_bytes()), Some((agent.to_owned(), signatures)))
                }
            };
            if found != *wanted {
                return Err(mismatch(&format!("`{path}` has the digest `{found}`, the inventory says `{wanted}`")));
            }
            Ok(slot)
        };
        let outcomes: Vec<_> = inventory.files.par_iter().map(read).collect();
        let mut slots = BTreeMap::new();
        for outcome in outcomes {
            slots.extend(outcome?);
        }
        Ok(slots)
    }
}

/// Reads a file of a bundle.
fn content(folder: &Path, path: &str) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::Environment(format!("`{path}` cannot be read: {error}"));
    let file = fs::File::open(folder.join(path)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(mismatch(&format!("`{path}` is larger than any file of a bundle")));
    }
    Ok(bytes)
}

fn collect(folder: &Path, inner: &str, files: &mut BTreeSet<String>) -> Result<(), Failure> {
    let unreadable =
        |error| Failure::Environment(format!("`{}` cannot be read: {error}", folder.join(inner).display()));
    for entry in fs::read_dir(folder.join(inner)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let shown = folder.join(inner).join(&name).display().to_string();
        let name = name.to_str().ok_or_else(|| mismatch(&format!("`{shown}` has a name that is not text")))?;
        let path = if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
        let metadata = entry.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            if path != "delivery" {
                collect(folder, &path, files)?;
            }
        } else if !metadata.is_file() {
            return Err(mismatch(&format!("`{path}` is not a regular file")));
        } else if metadata.permissions().mode() & 0o7111 != 0 {
            return Err(mismatch(&format!("`{path}` has other permissions than a file of a bundle: it is executable")));
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Names that are one name on a disk that folds case.
fn twins(files: &BTreeSet<String>) -> Result<(), Failure> {
    let mut folded: BTreeMap<String, &String> = BTreeMap::new();
    for path in files {
        if let Some(twin) = folded.insert(path.to_lowercase(), path) {
            return Err(mismatch(&format!("`{twin}` and `{path}` differ in case alone")));
        }
    }
    Ok(())
}

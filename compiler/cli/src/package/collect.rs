//! The files of a signed bundle's folder that are published: its inventory and what that names, and signatures. Every byte
//! is compared with what was verified, since a folder may change while it is read. Not here: who signed.

use std::fs;
use std::path::Path;

use kars_contract::digest::Digest;
use rayon::prelude::*;

use super::Files;
use crate::outcome::Failure;
use crate::slots;
use crate::verification::{Inventory, Report, SIGNATURE_FILES, SIGNATURES, mismatch};

/// Reads the files of a bundle that was verified.
pub(crate) fn collect(folder: &Path, report: &Report) -> Result<Files, Failure> {
    let inventory = read(folder, "bundle.json")?;
    if Digest::of(&inventory) != report.bundle_digest {
        return Err(changed("bundle.json"));
    }
    let named = Inventory::read(&inventory)?.files;
    let listed = named.par_iter().map(|(path, wanted)| {
        let bytes = read(folder, path)?;
        if built(path, &bytes) == *wanted { Ok((path.clone(), bytes)) } else { Err(changed(path)) }
    });
    let mut files = listed.collect::<Result<Files, Failure>>()?;
    for name in SIGNATURE_FILES {
        let path = format!("{SIGNATURES}/{name}");
        if folder.join(&path).exists() {
            files.insert(path.clone(), read(folder, &path)?);
        }
    }
    files.insert("bundle.json".to_owned(), inventory);
    Ok(files)
}

/// The digest of a file as it was built: of a slot, that of the empty one.
fn built(path: &str, bytes: &[u8]) -> Digest {
    let slot = slots::agent(path).and_then(|_| slots::empty(std::str::from_utf8(bytes).ok()?));
    slot.map_or_else(|| Digest::of(bytes), |(empty, _)| Digest::of(empty.as_bytes()))
}

fn read(folder: &Path, path: &str) -> Result<Vec<u8>, Failure> {
    fs::read(folder.join(path)).map_err(|error| Failure::Environment(format!("`{path}` cannot be read: {error}")))
}

fn changed(path: &str) -> Failure {
    mismatch(&format!("`{path}` changed while it was read"))
}

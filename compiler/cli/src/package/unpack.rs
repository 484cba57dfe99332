//! A layer into files, in memory, whoever made it. Only what [`pack`](super::pack) writes is read: regular files of mode
//! 0644, each name once. Extensions of the format are refused, since readers disagree about them. Not here: what the files say.

use std::collections::BTreeSet;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{Files, LARGEST_ARCHIVE, LARGEST_LAYER, LARGEST_RATIO, MOST_FILES, SMALL_ARCHIVE};

/// The longest path of a bundle's file.
const LONGEST_PATH: usize = 255;

/// Why a layer is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpackable {
    /// A layer that would take more room than any bundle.
    #[error("the layer holds more than {0}, which no bundle does")]
    TooLarge(String),
    /// No archive, or a broken one.
    #[error("the layer is no tar archive in one gzip member: {0}")]
    Broken(String),
    /// An entry that no bundle has.
    #[error("the layer holds `{path}`, which is {what}")]
    Foreign { path: String, what: &'static str },
}

/// Unpacks a layer.
pub(crate) fn unpack(layer: &[u8]) -> Result<Files, Unpackable> {
    let size = layer.len() as u64;
    if size > LARGEST_LAYER {
        return Err(Unpackable::TooLarge(format!("{} MiB", LARGEST_LAYER >> 20)));
    }
    let most = LARGEST_ARCHIVE.min(SMALL_ARCHIVE + size * LARGEST_RATIO);
    let mut reader = Capped { inner: GzDecoder::new(layer), left: most };
    let files = entries(&mut reader);
    if reader.left == 0 {
        return Err(Unpackable::TooLarge(format!("{} MiB unpacked", most >> 20)));
    }
    let files = files?;
    ended(&mut reader)?;
    if !reader.inner.into_inner().is_empty() {
        return Err(Unpackable::Broken("bytes follow the end".to_owned()));
    }
    Ok(files)
}

fn entries(reader: &mut impl Read) -> Result<Files, Unpackable> {
    let mut archive = Archive::new(reader);
    let mut files = Files::new();
    let mut folded = BTreeSet::new();
    // Raw: no extension changes the name or the size of the entry after it.
    for entry in archive.entries().map_err(|error| broken(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let path = path(&entry)?;
        let foreign = |what| Err(Unpackable::Foreign { path: path.clone(), what });
        if let Some(what) = oddity(&entry) {
            return foreign(what);
        }
        if files.contains_key(&path) {
            return foreign("there twice");
        }
        if !folded.insert(path.to_lowercase()) {
            return foreign("there twice but for upper and lower case");
        }
        if files.len() == MOST_FILES {
            return Err(Unpackable::TooLarge(format!("{MOST_FILES} files")));
        }
        let mut bytes = Vec::new();
        let read = entry.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
        if read as u64 != entry.size() {
            return Err(Unpackable::Broken(format!("`{path}` ends early")));
        }
        files.insert(path, bytes);
    }
    Ok(files)
}

/// The path of an entry: relative, in one spelling.
fn path<R: Read>(entry: &Entry<'_, R>) -> Result<String, Unpackable> {
    let bytes = entry.path_bytes();
    let path = String::from_utf8_lossy(&bytes).into_owned();
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let ours = std::str::from_utf8(&bytes).is_ok()
        && path.len() <= LONGEST_PATH
        && path.split('/').all(plain)
        && !path.contains(|letter: char| letter.is_control() || letter == '\\');
    if ours {
        return Ok(path);
    }
    Err(Unpackable::Foreign { path: path.escape_debug().to_string(), what: "not a plain relative path" })
}

/// What an entry has that no file of a bundle has.
fn oddity<R: Read>(entry: &Entry<'_, R>) -> Option<&'static str> {
    let header = entry.header();
    match header.entry_type() {
        EntryType::Regular => {}
        EntryType::Link => return Some("a hard link"),
        EntryType::Symlink => return Some("a symbolic link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => return Some("a device"),
        EntryType::Directory => return Some("a folder"),
        _ => return Some("an extension of the format"),
    }
    let Some(ustar) = header.as_ustar() else { return Some("not in the format `ustar`") };
    // The size in another notation than octal digits is an extension, too.
    if !ustar.as_header().as_old().size.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0)) {
        return Some("of a size in another notation");
    }
    (header.mode().ok() != Some(0o644)).then_some("not of mode 0644")
}

/// Reads what follows the last entry: zeros, and not for long.
fn ended(reader: &mut impl Read) -> Result<(), Unpackable> {
    let mut rest = Vec::new();
    let most = 64 << 10;
    reader.take(most + 1).read_to_end(&mut rest).map_err(|error| broken(&error))?;
    if rest.len() as u64 > most || rest.iter().any(|byte| *byte != 0) {
        return Err(Unpackable::Broken("bytes follow the last file".to_owned()));
    }
    Ok(())
}

fn broken(error: &io::Error) -> Unpackable {
    Unpackable::Broken(error.to_string())
}

/// Ends with an error where more is read than is allowed; `left` is then zero.
struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        if self.left == 0 { Err(io::Error::other("the archive is too large")) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests;

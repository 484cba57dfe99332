//! How a build left a file, so that the next one can tell whether somebody has changed it since. Not here: what it says.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Stamps by path.
pub(crate) type Stamps = BTreeMap<String, Stamp>;

/// Which file it is, how long, and when it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    inode: u64,
    length: u64,
    written: (i64, i64),
}

impl Stamp {
    /// Of the file itself, never of what a link leads to.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let written = (metadata.mtime(), metadata.mtime_nsec());
        Ok(Self { inode: metadata.ino(), length: metadata.len(), written })
    }
}

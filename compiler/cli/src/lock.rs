//! One writer at a time: a lock file beside the folder that is written. It is removed with the lock, so that nothing is
//! left in a repository.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::outcome::Failure;

/// Held while a folder is written.
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who is in the way.
    pub(crate) fn take(path: PathBuf, target: &Path) -> Result<Self, Failure> {
        loop {
            let file = File::options().create(true).write(true).truncate(false).open(&path);
            let file =
                file.map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))?;
            match file.try_lock() {
                // Whoever held it before may have removed the file while this one was being opened.
                Ok(()) if !is_there(&file, &path) => {}
                Ok(()) => return Ok(Self { path, _file: file }),
                Err(TryLockError::WouldBlock) => {
                    let message = format!("`{}` is locked: another karsc is writing it", target.display());
                    return Err(Failure::Environment(message));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(Failure::Environment(format!("`{}` cannot be locked: {error}", path.display())));
                }
            }
        }
    }
}

/// Whether the path still names the file that was opened.
fn is_there(file: &File, path: &Path) -> bool {
    let (Ok(opened), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (opened.dev(), opened.ino()) == (named.dev(), named.ino())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still held. Nothing is lost when this fails: an empty file stays.
        fs::remove_file(&self.path).ok();
    }
}

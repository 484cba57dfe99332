//! What was accepted last, in a file that outlives the process: so that nothing older comes back. Not here: judging it.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use kars_trust::Accepted;
use tempfile::NamedTempFile;

/// The file in the folder of state.
const FILE: &str = "accepted.json";

/// Why it is not known what was accepted.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The file is there and says nothing that can be read.
    #[error("`{FILE}` in the folder of state does not say what was accepted before: {0}")]
    Damaged(serde_json::Error),
    /// The file can be neither read nor written.
    #[error("`{FILE}` in the folder of state: {0}")]
    Io(#[from] io::Error),
}

/// What was accepted last; absent on the first run. A file that cannot be read does not count as that.
pub fn read(folder: &Path) -> Result<Option<Accepted>, Unknown> {
    match fs::read(folder.join(FILE)) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(Unknown::Damaged),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Remembers, whole or not at all.
pub fn write(folder: &Path, accepted: &Accepted) -> Result<(), Unknown> {
    let text = serde_json::to_vec(accepted).expect("its keys are text");
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&text)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(folder.join(FILE)).map_err(|error| error.error)?;
    Ok(fs::File::open(folder)?.sync_all()?)
}

//! A scenario's folder on disk. It is opened once, and every file relative to it, so that neither `..` nor a link leads
//! out, whenever it is made.

use std::io::{ErrorKind, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use karsc_core::sources::{Files, Unreadable};

use crate::outcome::Failure;

/// The largest file.
const LARGEST: u64 = 8 << 20;
/// How many files a listing looks at.
const MOST_FILES: usize = 10_000;

/// A folder that cannot be left.
pub(crate) struct Folder {
    dir: Dir,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        dir.map(|dir| Self { dir })
            .map_err(|error| Failure::Environment(format!("the folder `{}` cannot be opened: {error}", path.display())))
    }

    fn collect(&self, folder: &str, files: &mut Vec<String>) {
        let Ok(entries) = self.dir.read_dir(folder) else { return };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{folder}/{name}");
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') || files.len() >= MOST_FILES {
                continue;
            }
            if kind.is_dir() {
                self.collect(&path, files);
            } else {
                files.push(path);
            }
        }
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        // A pipe that nobody writes to would hold an ordinary reader for ever.
        let waitless = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let options = OpenOptions::new().read(true).custom_flags(waitless).clone();
        let file = self.dir.open_with(path, &options).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Unreadable::Missing,
            // cap-std refuses to leave the folder with this error and no number of the system.
            ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Unreadable::Outside,
            _ => Unreadable::Failed(error.to_string()),
        })?;
        let metadata = file.metadata().map_err(|error| Unreadable::Failed(error.to_string()))?;
        if !metadata.is_file() {
            return Err(Unreadable::NotAFile);
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| Unreadable::Failed(error.to_string()))?;
        if bytes.len() as u64 > LARGEST { Err(Unreadable::TooLarge) } else { Ok(bytes) }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        self.collect(folder, &mut files);
        files.sort();
        files
    }
}

/// Files that came over standard input: one scenario, and nothing beside it.
pub(crate) struct Stdin {
    pub(crate) bytes: Vec<u8>,
}

impl Files for Stdin {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        if path == "-" { Ok(self.bytes.clone()) } else { Err(Unreadable::Missing) }
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

//! A bundle's folder, written whole or not at all. The new tree is made beside the old one and takes its place in one
//! step; files that did not change are the same files as before, times included.

mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use karsc_core::bundle::{Output, Unwritable};

use crate::lock::Lock;
use crate::outcome::Failure;
use stamp::Stamp;
pub(crate) use stamp::Stamps;

/// The folder that a build writes, from before it starts until it is in its place.
pub(crate) struct Tree {
    target: PathBuf,
    /// The new tree, beside the target.
    staged: PathBuf,
    /// Held while this build runs.
    _lock: Lock,
    changed: AtomicBool,
    before: BTreeSet<String>,
    /// How the last build left its files, where that is known.
    left: Stamps,
}

/// What is ours in a bundle's folder beside the files of the inventory.
const OURS: [&str; 2] = ["delivery/", "signatures/"];

impl Tree {
    /// Takes the lock, and refuses a folder that holds anything but a bundle.
    pub(crate) fn prepare(target: &Path) -> Result<Self, Failure> {
        Self::prepare_again(target, Stamps::default())
    }

    /// The same, where it is known how the last build left the folder.
    pub(crate) fn prepare_again(target: &Path, left: Stamps) -> Result<Self, Failure> {
        let failed = |what: &str, error: &io::Error| Failure::Environment(format!("{what}: {error}"));
        let name = target
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| Failure::Usage(format!("`{}` is not the name of a folder", target.display())))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent)
            .map_err(|error| failed(&format!("`{}` cannot be made", parent.display()), &error))?;
        let lock = Lock::take(parent.join(format!(".{name}.karsc-lock")), target)?;
        let before = existing(target)?;
        let staged = parent.join(format!(".{name}.karsc-new"));
        remove(&staged)
            .and_then(|()| fs::create_dir(&staged))
            .map_err(|error| failed(&format!("`{}` cannot be made", staged.display()), &error))?;
        Ok(Self { target: target.to_owned(), staged, _lock: lock, changed: AtomicBool::new(false), before, left })
    }

    /// Writes some files, and takes over all others as they are.
    pub(crate) fn replace(&self, written: &BTreeMap<String, Vec<u8>>) -> Result<(), Unwritable> {
        written.iter().try_for_each(|(path, bytes)| self.write(path, bytes))?;
        for path in self.before.iter().filter(|path| !written.contains_key(*path)) {
            let (new, old) = (self.staged.join(path), self.target.join(path));
            let linked = new.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::hard_link(&old, &new));
            linked.map_err(|error| Unwritable { path: old.display().to_string(), reason: error.to_string() })?;
        }
        Ok(())
    }

    /// Puts the new tree in the place of the old one; says how it leaves its files.
    pub(crate) fn commit_again(self) -> io::Result<Stamps> {
        let paths = list(&self.staged)?.into_iter();
        let stamps = paths.map(|path| Ok((path.clone(), Stamp::of(&self.staged.join(&path))?))).collect();
        self.commit().and(stamps)
    }

    /// Puts the new tree in the place of the old one; says whether anything changed.
    pub(crate) fn commit(self) -> io::Result<bool> {
        let written = list(&self.staged)?;
        let changed = self.changed.load(Ordering::Relaxed)
            || self.before.iter().any(|path| !written.contains(path))
            || !self.target.exists();
        if changed {
            if self.target.exists() {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &self.staged,
                    rustix::fs::CWD,
                    &self.target,
                    rustix::fs::RenameFlags::EXCHANGE,
                )?;
            } else {
                fs::rename(&self.staged, &self.target)?;
            }
        }
        remove(&self.staged)?;
        Ok(changed)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Nothing is lost when this fails: the next build removes what is left.
        remove(&self.staged).ok();
    }
}

impl Output for Tree {
    fn keep(&self, paths: &[&str]) -> bool {
        let untouched = |path: &&str| {
            let left = self.left.get(*path);
            left.is_some() && Stamp::of(&self.target.join(path)).ok().as_ref() == left
        };
        let linked = |path: &&str| -> io::Result<()> {
            let new = self.staged.join(path);
            new.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::hard_link(self.target.join(path), new)
        };
        if !paths.iter().all(untouched) {
            return false;
        }
        // What was linked before one failed is written again.
        paths.iter().all(|path| linked(path).is_ok())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let (new, old) = (self.staged.join(path), self.target.join(path));
        let put = || -> io::Result<()> {
            if let Some(folder) = new.parent() {
                fs::create_dir_all(folder)?;
            }
            if fs::read(&old).is_ok_and(|there| there == bytes) && fs::hard_link(&old, &new).is_ok() {
                return Ok(());
            }
            self.changed.store(true, Ordering::Relaxed);
            if self.left.contains_key(path) {
                remove_file(&new)?;
            }
            File::create_new(&new)?.write_all(bytes)
        };
        put().map_err(|error| Unwritable {
            path: self.target.join(path).display().to_string(),
            reason: error.to_string(),
        })
    }
}

/// The files of the folder as it is. A link, a file, or a folder with anything that no build wrote is refused.
fn existing(target: &Path) -> Result<BTreeSet<String>, Failure> {
    let Ok(metadata) = fs::symlink_metadata(target) else { return Ok(BTreeSet::new()) };
    if metadata.is_symlink() {
        return Err(Failure::Environment(format!("`{}` is a symbolic link; name the folder itself", target.display())));
    }
    if !metadata.is_dir() {
        return Err(Failure::Environment(format!("`{}` is not a folder", target.display())));
    }
    let files = list(target)
        .map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", target.display())))?;
    let ours = inventory(target);
    let foreign =
        files.iter().find(|path| !ours.contains(*path) && !OURS.iter().any(|folder| path.starts_with(folder)));
    match foreign {
        Some(path) => Err(Failure::Refused(format!(
            "`{}` holds `{path}`, which no build wrote; move it away, or name another folder",
            target.display()
        ))),
        None => Ok(files),
    }
}

/// The paths that the inventory of a bundle lists.
fn inventory(target: &Path) -> BTreeSet<String> {
    let read = fs::read(target.join("bundle.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let Some(inventory) = read.filter(|inventory| inventory["kind"] == "Bundle") else { return BTreeSet::new() };
    let files = inventory["files"].as_object().into_iter().flat_map(serde_json::Map::keys).cloned();
    files.chain(["bundle.json".to_owned()]).collect()
}

/// The files of a bundle's folder, for comparing.
pub(crate) fn files_of(folder: &Path) -> Result<BTreeSet<String>, Failure> {
    list(folder).map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", folder.display())))
}

fn list(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((path, name)) = open.pop() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let inner = format!("{name}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push((entry.path(), format!("{inner}/")));
            } else {
                files.insert(inner);
            }
        }
    }
    Ok(files)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

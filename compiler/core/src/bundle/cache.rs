//! What the last build made of each agent, so that the next one need not write it down again. Everything is decided,
//! patched and judged anew; only text, hashes and files are kept. Not here: the files.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kars_contract::digest::Digest;

use super::{Entry, Output, Unwritable};
use crate::render::Drawn;

/// The files of each agent, by the hash of what they were made from.
#[derive(Debug, Default)]
pub struct Cache {
    /// Of the last build whose output is in its place.
    last: BTreeMap<String, Known>,
    /// Of the build that runs.
    next: Mutex<BTreeMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    key: Digest,
    files: Vec<Entry>,
}

impl Cache {
    /// Says that the output of the last compilation is in its place.
    pub fn commit(&mut self) {
        self.last = std::mem::take(self.next.get_mut().expect("no writer panics"));
    }

    /// Forgets a build whose output never came to its place.
    pub(crate) fn begin(&mut self) {
        self.next.get_mut().expect("no writer panics").clear();
    }

    /// The files of an agent: those of the last build, where they would be the same and the output has kept them, else new
    /// ones.
    pub(super) fn files(
        &self,
        drawn: &Drawn<'_>,
        output: &dyn Output,
        make: impl FnOnce() -> Result<Vec<Entry>, Unwritable>,
    ) -> Result<Vec<Entry>, Unwritable> {
        let key = drawn.key();
        let known = self.last.get(drawn.name()).filter(|known| known.key == key && known.is_kept(output));
        let files = known.map_or_else(make, |known| Ok(known.files.clone()))?;
        let known = Known { key, files: files.clone() };
        self.next.lock().expect("no writer panics").insert(drawn.name().to_owned(), known);
        Ok(files)
    }
}

impl Known {
    fn is_kept(&self, output: &dyn Output) -> bool {
        let paths: Vec<_> = self.files.iter().map(|(path, _)| path.as_str()).collect();
        output.keep(&paths)
    }
}

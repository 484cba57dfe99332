//! What the last build made of each agent, so that the next one need not make it again. An agent is the same when its
//! plan and all that agents share are: then so are its objects, what is found in them, and its files. Not here: the files.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kars_contract::digest::Digest;

use super::{Entry, Output};

/// The files of each agent, by the hash of what they were made from.
#[derive(Debug, Default)]
pub struct Cache {
    /// Of the last build whose output is in its place.
    last: BTreeMap<String, Known>,
    /// Of the build that runs.
    next: Mutex<BTreeMap<String, Known>>,
}

/// One agent.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The hash of what the files were made from.
    pub(super) key: Digest,
    pub(super) files: Vec<Entry>,
    /// The names of the files of objects.
    pub(super) drawn: Vec<String>,
    pub(super) objects: usize,
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

    /// An agent whose files would be the same again, once the output has kept them.
    pub(super) fn kept(&self, agent: &str, key: &Digest, output: &dyn Output) -> Option<Known> {
        let known = self.last.get(agent).filter(|known| known.key == *key)?;
        let paths: Vec<_> = known.files.iter().map(|(path, _)| path.as_str()).collect();
        let known = output.keep(&paths).then(|| known.clone())?;
        self.remember(agent, known.clone());
        Some(known)
    }

    pub(super) fn remember(&self, agent: &str, known: Known) {
        self.next.lock().expect("no writer panics").insert(agent.to_owned(), known);
    }
}

//! Reads a document again when its content changes, whole or not at all. Not here: what a program does with it.
//!
//! Content is compared, not time stamps: a `ConfigMap` is swapped by a symbolic link, and files can be put back.

use std::path::PathBuf;

use crate::accepted;
use crate::clock;
use crate::document::{CannotLoad, Content, Files, Loaded, Pod};

/// The files of one document, and what of them was tried last.
pub struct Watch {
    files: Files,
    pod: Option<Pod>,
    state: PathBuf,
    /// In a pod the document is immutable: the first that was read is the one, whatever happens to its file.
    fixed: Option<Vec<u8>>,
    tried: Option<Content>,
}

impl Watch {
    /// Looks at these files, for this pod or for use outside of a cluster; `state` outlives the process.
    #[must_use]
    pub fn new(files: Files, pod: Option<Pod>, state: PathBuf) -> Self {
        Self { files, pod, state, fixed: None, tried: None }
    }

    /// What is to be served from now on; `None` where nothing has changed since the last time.
    pub fn poll(&mut self) -> Option<Result<Loaded, CannotLoad>> {
        let content = match self.files.read() {
            Ok(content) => content,
            Err(error) => {
                self.tried = None;
                return Some(Err(error));
            }
        };
        let content = self.with_fixed(content);
        if self.tried.as_ref() == Some(&content) {
            return None;
        }
        let loaded = self.judge(&content);
        // What failed is tried again: a clock is set, a disk has room again.
        self.tried = loaded.is_ok().then_some(content);
        Some(loaded)
    }

    fn with_fixed(&mut self, mut content: Content) -> Content {
        if self.pod.is_some() {
            content.document.clone_from(self.fixed.get_or_insert_with(|| content.document.clone()));
        }
        content
    }

    fn judge(&self, content: &Content) -> Result<Loaded, CannotLoad> {
        let before = accepted::read(&self.state)?;
        let loaded = content.judge(self.pod.as_ref(), clock::now(), before.as_ref())?;
        if let Some(accepted) = loaded.accepted().filter(|accepted| Some(accepted) != before.as_ref()) {
            accepted::write(&self.state, &accepted)?;
        }
        Ok(loaded)
    }
}

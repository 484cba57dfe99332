//! What a learning window let through or refused, for `karsc suggest`: one line for each host and port. Only a dev document has
//! such a window. Not here: the audit log, which has every decision.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kars_contract::Port;
use kars_contract::decision_log::LoggedDecision;

/// The file in the folder of state.
const FILE: &str = "decisions.jsonl";
/// Hosts and ports that are written down; an agent can think of any number.
const MOST: usize = 10_000;

/// Where they are written down.
#[derive(Debug)]
pub struct Learned {
    path: PathBuf,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    file: Option<File>,
    seen: BTreeSet<(String, Port, bool)>,
}

impl Learned {
    /// In this folder; the file is made with its first line.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { path: state.join(FILE), written: Mutex::default() }
    }

    /// Writes a decision down, unless one like it is there. Where it cannot be, that is logged: nothing depends on it.
    pub fn add(&self, decision: &LoggedDecision) {
        if let Err(error) = self.write(decision) {
            tracing::error!(%error, "a decision of the learning window is not written down");
        }
    }

    fn write(&self, decision: &LoggedDecision) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (decision.host.clone(), decision.port, decision.allowed);
        if written.seen.len() >= MOST || !written.seen.insert(key) {
            return Ok(());
        }
        let mut file = match written.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).create(true).open(&self.path)?,
        };
        file.write_all(format!("{}\n", decision.line()).as_bytes())?;
        written.file = Some(file);
        Ok(())
    }
}

//! What several tests need: files in memory, and the folder of the repository.

mod collected;
mod disk;
mod memory;

use std::path::PathBuf;

use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;
use karsc_core::parse::Input;
use karsc_core::sources::{Files, Sources};
use karsc_core::{Compilation, compile};

pub(crate) use collected::Collected;
pub(crate) use disk::{Disk, files_under};
pub(crate) use memory::Memory;

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The moment that tests judge by: shipped examples date from 2099 on.
pub(crate) fn as_of() -> Instant {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

/// Runs every stage, and keeps what was noticed.
pub(crate) fn diagnose(files: &dyn Files, environment: &str) -> (Found, Sources) {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: environment.to_owned() };
    let Compilation { found, sources, .. } = compile(&input, as_of(), files, &Collected::default()).unwrap();
    (found, sources)
}

//! Bootstrap objects of the chosen delivery engine. They are applied once, by hand or by whoever manages the engine, and are
//! part of neither inventory nor content digest. Not here: signing and publishing.

use crate::resolve::Resolved;

/// The files of `delivery/`.
pub(crate) fn files(scenario: &Resolved<'_>) -> Vec<(String, Vec<u8>)> {
    let _ = scenario;
    Vec::new()
}

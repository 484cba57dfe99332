//! Whose signatures a router trusts. Not here: checking them (`kars-trust`).

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{Document, Inconsistent};

/// Whose signatures a router trusts. It belongs to the cluster's administrators; bundles carry a copy that admission compares.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TrustDocument {
    /// How many distinct keys must have signed.
    pub threshold: u8,
    /// Public keys, as PEM.
    pub keys: BTreeSet<String>,
    /// The lowest serial that is accepted.
    pub min_serial: u64,
}

impl Document for TrustDocument {
    const KIND: &'static str = "TrustDocument";
    const FILE: &'static str = "trust.json";
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Inconsistent> {
        if self.threshold == 0 || usize::from(self.threshold) > self.keys.len() {
            return Err(Inconsistent::new("threshold", "is not between 1 and the number of keys"));
        }
        Ok(())
    }
}

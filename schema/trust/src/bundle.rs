//! What is claimed about a bundle's inventory, `bundle.json`, and so about every file it lists. Not here: the inventory.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_contract::name::Name;
use serde::{Deserialize, Serialize};

use crate::statement::{Claims, Validity};

/// What a bundle is, for whom, and until when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BundleClaims {
    /// The scenario; absent for the bundle of a platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Name>,
    /// The environment it was built for.
    pub environment: Name,
    /// The cluster of that environment; absent for the bundle of a platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Name>,
    /// The digest of manifests, documents and allowlists.
    pub content_digest: Digest,
    /// What orders statements: Unix seconds.
    pub serial: u64,
    /// From then on it should have been renewed.
    pub not_after: Instant,
    /// How many seconds later it ends for good.
    pub grace: u64,
    /// The serials of statements that were kept from earlier releases, by agent; those of all other documents have `serial`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<Name, u64>,
}

impl BundleClaims {
    /// The serial that the statement about an agent's document must have.
    #[must_use]
    pub fn serial_of(&self, agent: &Name) -> u64 {
        self.kept.get(agent).copied().unwrap_or(self.serial)
    }
}

impl Claims for BundleClaims {
    const TYPE: &'static str = "https://karsc.dev/statement/bundle/v1";
    const SUBJECT: &'static str = "bundle.json";

    fn validity(&self) -> Validity {
        Validity { serial: self.serial, not_after: self.not_after, grace: self.grace }
    }
}

//! `bundle.json` as a verifier reads it: in the one way that it is written, or not at all. Not here: writing it.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use kars_contract::name::Name;
use kars_trust::BundleClaims;
use serde::{Deserialize, Serialize};

use super::mismatch;
use crate::outcome::Failure;

/// The inventory of a bundle.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Inventory {
    api_version: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<Name>,
    pub(crate) environment: Name,
    pub(crate) content_digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    compiler: Option<Compiler>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contracts: Option<BTreeMap<String, u32>>,
    /// Every file with its hash; slots with that of the empty slot.
    pub(crate) files: BTreeMap<String, Digest>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Compiler {
    name: String,
    version: String,
}

impl Inventory {
    /// Reads an inventory. What is written twice, left out or spelled otherwise does not come out the same again.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let inventory: Self = serde_json::from_slice(bytes)
            .map_err(|error| mismatch(&format!("`bundle.json` is no inventory: {error}")))?;
        let again = serde_json::to_vec_pretty(&inventory).expect("its keys are text");
        if bytes.strip_suffix(b"\n") != Some(again.as_slice()) {
            return Err(mismatch("`bundle.json` is not in canonical form"));
        }
        Ok(inventory)
    }

    /// Reads the inventory that claims were made about.
    pub(crate) fn decode(bytes: &[u8], claims: &BundleClaims) -> Result<Self, Failure> {
        let inventory = Self::read(bytes)?;
        let differs = |field: &str| mismatch(&format!("`{field}` in `bundle.json` is not what was signed"));
        if inventory.scenario != claims.scenario {
            return Err(differs("scenario"));
        }
        if inventory.environment != claims.environment {
            return Err(differs("environment"));
        }
        if inventory.content_digest != claims.content_digest {
            return Err(differs("contentDigest"));
        }
        Ok(inventory)
    }
}

//! Which keys count, and how many must have signed. Not here: the document that names them (`kars-contract`).

use std::collections::BTreeMap;

use kars_contract::trust::TrustDocument;

use crate::key::{InvalidKey, PublicKey};
use crate::refusal::Refusal;
use crate::signature_file::SignatureFile;

/// Which keys count, how many of them must have signed, and from which serial on.
#[derive(Clone, Debug)]
pub struct Trust {
    threshold: usize,
    /// By hint, so that one key counts once however often it is named.
    keys: BTreeMap<String, PublicKey>,
    min_serial: u64,
}

/// Why keys make no trust.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidTrust {
    /// A key that cannot be read.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A threshold that can never be reached, or that needs nobody.
    #[error("the threshold is {threshold}, with {keys} distinct keys; it must lie between 1 and their number")]
    Threshold {
        /// What was asked for.
        threshold: usize,
        /// How many different keys there are.
        keys: usize,
    },
}

impl Trust {
    /// Reads the keys of a trust document.
    pub fn of(document: &TrustDocument) -> Result<Self, InvalidTrust> {
        let keys = document.keys.iter().map(|key| PublicKey::from_pem(key)).collect::<Result<Vec<_>, _>>()?;
        Self::in_keys(keys, document.threshold.into(), document.min_serial)
    }

    /// Trust in keys. Two spellings of one key are one key.
    pub fn in_keys(
        keys: impl IntoIterator<Item = PublicKey>,
        threshold: usize,
        min_serial: u64,
    ) -> Result<Self, InvalidTrust> {
        let keys: BTreeMap<_, _> = keys.into_iter().map(|key| (key.hint().to_owned(), key)).collect();
        if threshold == 0 || threshold > keys.len() {
            return Err(InvalidTrust::Threshold { threshold, keys: keys.len() });
        }
        Ok(Self { threshold, keys, min_serial })
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }

    /// How many different keys must have signed.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The lowest serial that is accepted.
    #[must_use]
    pub fn min_serial(&self) -> u64 {
        self.min_serial
    }

    /// The hints of the trusted keys that signed, once there are enough of them. A signature that bears a trusted key's
    /// hint and was not made with it refuses the whole file; those of unknown keys count for nothing.
    pub(crate) fn signers(&self, file: &SignatureFile) -> Result<Vec<String>, Refusal> {
        let mut signers = Vec::new();
        for envelope in file.envelopes() {
            let Some(key) = self.keys.get(envelope.hint()) else { continue };
            if !envelope.is_by(key) {
                return Err(Refusal::WrongSignature { hint: envelope.hint().to_owned() });
            }
            signers.push(envelope.hint().to_owned());
        }
        if signers.is_empty() {
            return Err(Refusal::NoMatchingKey);
        }
        if signers.len() < self.threshold {
            return Err(Refusal::TooFewKeys { found: signers.len(), wanted: self.threshold });
        }
        Ok(signers)
    }
}

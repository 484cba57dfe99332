//! What was found to be signed, and for how long. Only `verify` makes one. Not here: the checks.

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::statement::Validity;

/// Something that trusted keys signed for this place, and whose time is not over.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    pub(crate) value: T,
    pub(crate) digest: Digest,
    pub(crate) validity: Validity,
    pub(crate) signers: Vec<String>,
}

/// What was accepted last. Whoever keeps it can tell an older statement from a newer one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Its serial.
    pub serial: u64,
    /// The digest of what was signed.
    pub digest: Digest,
}

/// How far its time has gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It counts.
    Fresh,
    /// It counts, but should have been renewed.
    Alarm,
    /// It counts no more.
    Expired,
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What was signed, without the proof.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The digest that the statement is about.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// From when until when it counts.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The hints of the trusted keys that signed it.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// What to remember, so that nothing older is accepted later.
    pub fn accepted(&self) -> Accepted {
        Accepted { serial: self.validity.serial, digest: self.digest.clone() }
    }

    /// How far its time has gone.
    pub fn freshness(&self, now: Instant) -> Freshness {
        freshness(&self.validity, now)
    }

    /// The same, where it still is fresh: for those who ask once and need not go on with what they have.
    pub fn fresh(self, now: Instant) -> Result<Self, Refusal> {
        match self.freshness(now) {
            Freshness::Fresh => Ok(self),
            Freshness::Alarm | Freshness::Expired => Err(Refusal::Expired { not_after: self.validity.not_after }),
        }
    }
}

/// How far a validity has gone.
pub(crate) fn freshness(validity: &Validity, now: Instant) -> Freshness {
    if now < validity.not_after {
        Freshness::Fresh
    } else if now.unix_seconds().max(0).unsigned_abs() < validity.ends() {
        Freshness::Alarm
    } else {
        Freshness::Expired
    }
}

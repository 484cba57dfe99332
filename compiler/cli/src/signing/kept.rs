//! Statements of an earlier release that still say what is to be said: a document that has not changed keeps its own, so
//! that a release changes only what it means to. Not here: signing, which gives the same signature for the same statement.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use kars_contract::instant::Instant;
use kars_trust::{RouterClaims, SignatureFile, Signer, Statement};

use super::Order;
use crate::outcome::Failure;
use crate::slots;

/// The statement of the earlier release, if it may stand for this one; otherwise this one.
pub(super) fn or_new(new: Statement<RouterClaims>, order: &Order) -> Result<Statement<RouterClaims>, Failure> {
    let Some(folder) = &order.keep else { return Ok(new) };
    let slot = read(&folder.join(slots::path(new.claims.agent.as_str())))?;
    let earlier =
        slot.and_then(|slot| signed_by_us(&slot, order)).filter(|earlier| may_stand_for(earlier, &new, order));
    Ok(earlier.unwrap_or(new))
}

/// The slot of an earlier release; absent where the agent is new.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Environment(format!("`{}` cannot be read: {error}", path.display()))),
    }
}

/// What a slot states, where one of the keys that sign now has signed it. Nobody else can choose what is signed again.
fn signed_by_us(slot: &str, order: &Order) -> Option<Statement<RouterClaims>> {
    let (_, signatures) = slots::empty(slot)?;
    let file = SignatureFile::decode(signatures.as_bytes()).ok()?;
    let ours = file.envelopes().any(|envelope| order.signers.iter().any(|key| envelope.is_by(key.public_key())));
    ours.then(|| Statement::decode(file.payload()?).ok())?
}

/// Whether it says the same about the same document, and has at least half of its time left.
fn may_stand_for(earlier: &Statement<RouterClaims>, new: &Statement<RouterClaims>, order: &Order) -> bool {
    let RouterClaims { serial, not_after, .. } = earlier.claims;
    let same =
        Statement { claims: RouterClaims { serial, not_after, ..new.claims.clone() }, digest: new.digest.clone() };
    let half = seconds(order.not_after).saturating_sub(order.serial) / 2;
    *earlier == same
        && serial <= order.serial
        && not_after <= order.not_after
        && seconds(not_after) >= order.serial.saturating_add(half)
}

fn seconds(moment: Instant) -> u64 {
    moment.unix_seconds().max(0).unsigned_abs()
}

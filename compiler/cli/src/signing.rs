//! Signs a bundle: one statement about its inventory, one about each router's document, and what a second key attests.
//! Nothing that was reviewed changes. Not here: keys (`keys`), and what statements say (`kars_trust`).

mod attestation;
mod serial;
mod statements;

use std::collections::BTreeMap;
use std::path::Path;

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_trust::{Envelope, PrivateKey, SignatureFile, Signer, sign as sign_payload};
use rayon::prelude::*;

use crate::outcome::Failure;
use crate::slots;
use crate::tree::Tree;
use crate::verification::{BUNDLE_SIGNATURE, Inventory, SIGNATURES, World};
pub(crate) use serial::of_head;
use statements::Statements;

/// Who signs, from when until when.
pub(crate) struct Order {
    /// The keys that sign.
    pub(crate) signers: Vec<PrivateKey>,
    /// The key that attests provenance and packages.
    pub(crate) attester: Option<PrivateKey>,
    /// Unix seconds.
    pub(crate) serial: u64,
    pub(crate) not_after: Instant,
    /// Seconds.
    pub(crate) grace: u64,
    /// Whether signatures of other keys over another statement may go.
    pub(crate) replace: bool,
}

/// What was signed.
pub(crate) struct Signed {
    /// Of `bundle.json`.
    pub(crate) digest: Digest,
    /// How many router documents.
    pub(crate) documents: usize,
    /// Whether anything changed.
    pub(crate) changed: bool,
}

/// Signs the bundle in a folder, whole or not at all. It must be what its inventory says.
pub(crate) fn sign(folder: &Path, order: &Order) -> Result<Signed, Failure> {
    if !folder.join("bundle.json").is_file() {
        let message = format!("`{}` holds no bundle; name a folder that a build wrote", folder.display());
        return Err(Failure::Environment(message));
    }
    let world = World::read(folder)?;
    let bytes = world.content("bundle.json")?;
    let inventory = Inventory::read(&bytes)?;
    let slots = world.compare(&inventory)?;
    let digest = Digest::of(&bytes);
    let tree = Tree::prepare(folder)?;
    let statements = Statements::about(&world, &inventory, &digest, order, slots.keys())?;
    let mut written = filled(&world, &statements, &slots, order)?;
    let path = |name: &str| format!("{SIGNATURES}/{name}");
    let signers: Vec<&dyn Signer> = order.signers.iter().map(|key| key as &dyn Signer).collect();
    let bundle =
        merged(&path(BUNDLE_SIGNATURE), world.signature(BUNDLE_SIGNATURE), &statements.bundle, &signers, order)?;
    written.insert(path(BUNDLE_SIGNATURE), bundle.encode().into_bytes());
    if let Some(attester) = &order.attester {
        for (name, payload) in attestation::payloads(&world, &digest)? {
            let file = merged(&path(name), world.signature(name), &payload, &[attester], order)?;
            written.insert(path(name), file.encode().into_bytes());
        }
    }
    tree.replace(&written).map_err(|error| Failure::Environment(error.to_string()))?;
    let changed = tree
        .commit()
        .map_err(|error| Failure::Environment(format!("`{}` cannot be put in its place: {error}", folder.display())))?;
    Ok(Signed { digest, documents: slots.len(), changed })
}

/// The slots, by path, with the signatures of their documents.
fn filled(
    world: &World<'_>,
    statements: &Statements,
    slots: &BTreeMap<String, String>,
    order: &Order,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let signers: Vec<&dyn Signer> = order.signers.iter().map(|key| key as &dyn Signer).collect();
    let outcomes: Vec<Result<(String, Vec<u8>), Failure>> = statements
        .documents
        .par_iter()
        .map(|(agent, payload)| {
            let path = slots::path(agent);
            let before = slots.get(agent).map_or("", String::as_str);
            let file = merged(&path, before.as_bytes(), payload, &signers, order)?;
            let slot = String::from_utf8(world.content(&path)?).ok();
            let filled = slot.and_then(|slot| slots::fill(&slot, &file.encode()));
            let filled = filled.expect("it was compared with the inventory as a slot");
            Ok((path, filled.into_bytes()))
        })
        .collect();
    outcomes.into_iter().collect()
}

/// The signatures over a statement: those of these signers, and those of other keys that are there already. Others over
/// another statement would be lost, and so are kept from it.
fn merged(
    path: &str,
    before: &[u8],
    payload: &[u8],
    signers: &[&dyn Signer],
    order: &Order,
) -> Result<SignatureFile, Failure> {
    let mut file = sign_payload(payload, signers).map_err(|error| Failure::Environment(error.to_string()))?;
    if before.is_empty() || order.replace {
        return Ok(file);
    }
    let lost = |what: &str| {
        let help = "sign with the same `--serial`, `--not-after` and `--grace`, or drop it with `--replace`";
        Failure::Refused(format!("`{path}` holds {what}, which would be lost; {help}"))
    };
    let there = SignatureFile::decode(before).map_err(|_| lost("something that is no signature"))?;
    let is_ours = |envelope: &Envelope| signers.iter().any(|signer| signer.public_key().hint() == envelope.hint());
    for envelope in there.envelopes().filter(|envelope| !is_ours(envelope)) {
        if envelope.payload() != payload {
            return Err(lost(&format!("a signature of the key `{}` over another statement", envelope.hint())));
        }
        file.add(envelope.clone());
    }
    Ok(file)
}

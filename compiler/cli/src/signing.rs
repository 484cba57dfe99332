//! Signs a bundle: one statement about its inventory, one about each router's document, and what a second key attests.
//! Nothing that was reviewed changes. Not here: keys (`keys`), and what statements say (`kars_trust`).

mod attestation;
mod kept;
mod serial;
mod statements;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kars_contract::digest::Digest;
use kars_contract::instant;
use kars_trust::{Envelope, PrivateKey, SignatureFile, Signer, sign as sign_payload};
use rayon::prelude::*;

use crate::outcome::Failure;
use crate::slots;
use crate::tree::Tree;
use crate::verification::{BUNDLE_SIGNATURE, Inventory, SIGNATURES, World, mismatch};
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
    pub(crate) not_after: instant::Instant,
    /// Seconds.
    pub(crate) grace: u64,
    /// Whether signatures of other keys over another statement may go.
    pub(crate) replace: bool,
    /// The folder of an earlier release, whose statements about unchanged documents are kept.
    pub(crate) keep: Option<PathBuf>,
}

/// What was signed.
pub(crate) struct Signed {
    /// Of `bundle.json`.
    pub(crate) digest: Digest,
    /// How many router documents.
    pub(crate) documents: usize,
    /// How many of them have the statement of an earlier release.
    pub(crate) kept: usize,
    /// How many statements: one for each document, that of the bundle, and what is attested.
    pub(crate) statements: usize,
    /// How long the signing alone took, without reading and writing.
    pub(crate) took: Duration,
    /// Whether anything changed.
    pub(crate) changed: bool,
}

/// A statement to sign.
struct Task<'a> {
    /// The file that its signatures go to.
    path: String,
    /// The signature file that is there; empty where there is none.
    before: &'a [u8],
    payload: Vec<u8>,
    signers: &'a [&'a dyn Signer],
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
    let signers: Vec<&dyn Signer> = order.signers.iter().map(|key| key as &dyn Signer).collect();
    let attesters: Vec<&dyn Signer> = order.attester.iter().map(|key| key as &dyn Signer).collect();
    let statements = Statements::about(&world, &inventory, &digest, order, slots.keys())?;
    let kept = statements.kept;
    let mut tasks = tasks(&world, statements, &slots, &signers);
    if !attesters.is_empty() {
        let payloads = attestation::payloads(&world, &digest)?;
        tasks.extend(payloads.into_iter().map(|(name, payload)| in_signatures(&world, name, payload, &attesters)));
    }
    let started = Instant::now();
    let files: Vec<_> = tasks.par_iter().map(|task| merged(task, order)).collect();
    let took = started.elapsed();
    let files = files.into_iter().collect::<Result<Vec<_>, _>>()?;
    let written: Vec<_> = tasks.par_iter().zip(files).map(|(task, file)| written(&world, task, &file)).collect();
    let written = written.into_iter().collect::<Result<_, _>>()?;
    tree.replace(&written).map_err(|error| Failure::Environment(error.to_string()))?;
    let changed = tree
        .commit()
        .map_err(|error| Failure::Environment(format!("`{}` cannot be put in its place: {error}", folder.display())))?;
    Ok(Signed { digest, documents: slots.len(), kept, statements: tasks.len(), took, changed })
}

/// The statements of those who sign: about each document, and about the inventory.
fn tasks<'a>(
    world: &'a World<'_>,
    statements: Statements,
    slots: &'a BTreeMap<String, String>,
    signers: &'a [&'a dyn Signer],
) -> Vec<Task<'a>> {
    let Statements { bundle, documents, kept: _ } = statements;
    let documents = documents.into_iter().map(|(agent, payload)| {
        let before = slots.get(&agent).map_or("", String::as_str).as_bytes();
        Task { path: slots::path(&agent), before, payload, signers }
    });
    documents.chain([in_signatures(world, BUNDLE_SIGNATURE, bundle, signers)]).collect()
}

fn in_signatures<'a>(world: &'a World<'_>, name: &str, payload: Vec<u8>, signers: &'a [&'a dyn Signer]) -> Task<'a> {
    Task { path: format!("{SIGNATURES}/{name}"), before: world.signature(name), payload, signers }
}

/// The bytes of a file: its slot filled, or the signatures alone.
fn written(world: &World<'_>, task: &Task<'_>, file: &SignatureFile) -> Result<(String, Vec<u8>), Failure> {
    let text = if slots::agent(&task.path).is_none() {
        file.encode()
    } else {
        let slot = String::from_utf8(world.content(&task.path)?).ok();
        let filled = slot.and_then(|slot| slots::fill(&slot, &file.encode()));
        filled.ok_or_else(|| mismatch(&format!("`{}` is not the slot that was built", task.path)))?
    };
    Ok((task.path.clone(), text.into_bytes()))
}

/// The signatures over a statement: those of the signers, and those of other keys that are there already. Others over
/// another statement would be lost, and so are kept from it.
fn merged(task: &Task<'_>, order: &Order) -> Result<SignatureFile, Failure> {
    let Task { path, before, payload, signers } = task;
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
        if envelope.payload() != *payload {
            return Err(lost(&format!("a signature of the key `{}` over another statement", envelope.hint())));
        }
        file.add(envelope.clone());
    }
    Ok(file)
}

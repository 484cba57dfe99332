//! Signing a bundle: one statement for its inventory, one for each router's document, and what a second key attests. Only
//! slots and `signatures/` are written. Not here: keys on disk, and the form of statements (`kars_trust`).

mod provenance;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::instant::Instant;
use kars_contract::router::RouterDocument;
use kars_trust::statement::Attested;
use kars_trust::{BundleClaims, PrivateKey, RouterClaims, SignatureFile, Signer, Statement, sign};
use karsc_core::bundle::Output;
use rayon::prelude::*;

use crate::outcome::Failure;
use crate::slots;
use crate::tree::Tree;
use crate::verification::{ATTESTED, BUNDLE_SIGNATURE, Inventory, SIGNATURES, World};

/// Who signs, and for how long it counts.
pub(crate) struct Terms {
    /// The release keys.
    pub(crate) keys: Vec<PrivateKey>,
    /// The key of attestations.
    pub(crate) attestation: Option<PrivateKey>,
    /// What orders this statement after the one before; absent where that of other signers is joined, or the commit's.
    pub(crate) serial: Option<u64>,
    /// How many seconds after the serial it should be renewed.
    pub(crate) valid: u32,
    /// How many seconds later it ends for good.
    pub(crate) grace: u32,
    /// Whether signatures of other keys over another statement may be dropped.
    pub(crate) replace: bool,
}

/// What was done.
pub(crate) struct Signed {
    pub(crate) bundle: Digest,
    pub(crate) serial: u64,
    pub(crate) not_after: Instant,
    /// How many signatures were made, and how long that took.
    pub(crate) signatures: usize,
    pub(crate) took: Duration,
}

/// From when until when the statements count.
#[derive(Clone, Copy)]
struct Time {
    serial: u64,
    not_after: Instant,
    grace: u64,
}

/// A statement, the file that its signatures go into, and those that are there.
struct Open {
    path: String,
    payload: Vec<u8>,
    before: SignatureFile,
    /// The text around the signatures, for a slot.
    slot: Option<String>,
}

/// Signs a bundle's folder, whole or not at all.
pub(crate) fn sign_bundle(
    folder: &Path,
    terms: &Terms,
    default_serial: impl FnOnce() -> Result<u64, Failure>,
) -> Result<Signed, Failure> {
    let world = World::read(folder)?;
    let bytes = world.content("bundle.json")?;
    let inventory = Inventory::read(&bytes)?;
    let slots = world.compare(&inventory)?;
    let digest = Digest::of(&bytes);
    let time = time(&world, &digest, terms, default_serial)?;

    let mut open = documents(&world, &slots, time)?;
    open.push(inventory_statement(&world, &inventory, &digest, open.first(), time));
    let attested = attestations(&world, &digest, terms)?;
    for statement in &open {
        joins(statement, terms)?;
    }
    let began = Clock::now();
    let keys: Vec<&dyn Signer> = terms.keys.iter().map(|key| key as &dyn Signer).collect();
    let second: Vec<&dyn Signer> = terms.attestation.iter().map(|key| key as &dyn Signer).collect();
    let made: Result<Vec<SignatureFile>, _> = open
        .par_iter()
        .map(|open| sign(&open.payload, &keys))
        .chain(attested.par_iter().map(|open| sign(&open.payload, &second)))
        .collect();
    let made = made.map_err(|error| Failure::Environment(error.to_string()))?;
    let took = began.elapsed();
    let signatures = open.len() * keys.len() + attested.len();
    write(Tree::prepare(folder)?, open.into_iter().chain(attested).zip(made).collect())?;
    Ok(Signed { bundle: digest, serial: time.serial, not_after: time.not_after, signatures, took })
}

/// The time of the statements: as it was said, or that of other signers of this very bundle, or that of the commit.
fn time(
    world: &World<'_>,
    digest: &Digest,
    terms: &Terms,
    default_serial: impl FnOnce() -> Result<u64, Failure>,
) -> Result<Time, Failure> {
    if terms.serial.is_none()
        && let Ok(file) = SignatureFile::decode(world.signature(BUNDLE_SIGNATURE))
        && let Some(Ok(statement)) = file.payload().map(Statement::<BundleClaims>::decode)
        && statement.digest == *digest
        && !file.envelopes().any(|envelope| terms.keys.iter().any(|key| key.public_key().hint() == envelope.hint()))
    {
        let BundleClaims { serial, not_after, grace, .. } = statement.claims;
        return Ok(Time { serial, not_after, grace });
    }
    let serial = terms.serial.map_or_else(default_serial, Ok)?;
    let not_after = serial.checked_add(terms.valid.into()).and_then(|end| i64::try_from(end).ok());
    let not_after = not_after
        .and_then(Instant::from_unix_seconds)
        .ok_or_else(|| Failure::Usage(format!("the serial {serial} is no moment; it counts the seconds since 1970")))?;
    Ok(Time { serial, not_after, grace: terms.grace.into() })
}

/// The statements about the routers' documents.
fn documents(world: &World<'_>, slots: &BTreeMap<String, String>, time: Time) -> Result<Vec<Open>, Failure> {
    let statement = |(agent, signatures): (&String, &String)| -> Result<Open, Failure> {
        let bytes = world.content(&format!("documents/{agent}.router.json"))?;
        let document = RouterDocument::decode(&bytes)
            .map_err(|error| Failure::Usage(format!("`documents/{agent}.router.json`: {error}")))?;
        let identity = document.identity;
        let Time { serial, not_after, grace } = time;
        let claims = RouterClaims {
            agent: identity.agent,
            namespace: identity.namespace,
            scenario: identity.scenario,
            environment: identity.environment,
            cluster: identity.cluster,
            serial,
            not_after,
            grace,
        };
        let path = slots::path(agent);
        let slot = String::from_utf8_lossy(&world.content(&path)?).into_owned();
        Ok(Open {
            path,
            payload: Statement { digest: Digest::of(&bytes), claims }.encode(),
            before: SignatureFile::decode(signatures.as_bytes()).unwrap_or_default(),
            slot: Some(slot),
        })
    };
    slots.par_iter().map(statement).collect()
}

/// The statement about the inventory, and so about everything.
fn inventory_statement(
    world: &World<'_>,
    inventory: &Inventory,
    digest: &Digest,
    document: Option<&Open>,
    time: Time,
) -> Open {
    // All documents of a bundle are for one cluster; the platform's bundle has none.
    let cluster = document.and_then(|open| Statement::<RouterClaims>::decode(&open.payload).ok());
    let Time { serial, not_after, grace } = time;
    let claims = BundleClaims {
        scenario: inventory.scenario.clone(),
        environment: inventory.environment.clone(),
        cluster: cluster.map(|statement| statement.claims.cluster),
        content_digest: inventory.content_digest.clone(),
        serial,
        not_after,
        grace,
    };
    Open {
        path: format!("{SIGNATURES}/{BUNDLE_SIGNATURE}"),
        payload: Statement { digest: digest.clone(), claims }.encode(),
        before: SignatureFile::decode(world.signature(BUNDLE_SIGNATURE)).unwrap_or_default(),
        slot: None,
    }
}

/// What the second key attests, where there is one.
fn attestations(world: &World<'_>, digest: &Digest, terms: &Terms) -> Result<Vec<Open>, Failure> {
    if terms.attestation.is_none() {
        return Ok(Vec::new());
    }
    ATTESTED
        .iter()
        .map(|(name, file, predicate_type)| {
            let reviewed = world.content(file)?;
            let predicate = provenance::predicate(file, &reviewed)?;
            let attested = Attested { digest: digest.clone(), predicate_type: (*predicate_type).to_owned(), predicate };
            Ok(Open {
                path: format!("{SIGNATURES}/{name}"),
                payload: attested.encode(),
                before: SignatureFile::default(),
                slot: None,
            })
        })
        .collect()
}

/// Signatures of others over another statement are only dropped by those who say so.
fn joins(open: &Open, terms: &Terms) -> Result<(), Failure> {
    if terms.replace || open.before.payload().is_none_or(|payload| payload == open.payload) {
        return Ok(());
    }
    let ours = |hint: &str| terms.keys.iter().any(|key| key.public_key().hint() == hint);
    match open.before.envelopes().find(|envelope| !ours(envelope.hint())) {
        None => Ok(()),
        Some(other) => Err(Failure::Refused(format!(
            "`{}` holds a signature of the key `{}` over another statement, which would be lost; sign with its `--serial`, or with `--replace`",
            open.path,
            other.hint()
        ))),
    }
}

/// Puts the signatures in their places; every other file stays the file that it is.
fn write(tree: Tree, signed: Vec<(Open, SignatureFile)>) -> Result<(), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::Environment(format!("the signatures cannot be written: {error}"));
    signed
        .into_par_iter()
        .try_for_each(|(open, made)| {
            let mut file =
                if open.before.payload() == Some(&open.payload) { open.before } else { SignatureFile::default() };
            for envelope in made.envelopes() {
                file.add(envelope.clone());
            }
            let text = file.encode();
            let text = match &open.slot {
                Some(slot) => slots::fill(slot, &text).expect("it was compared as a slot"),
                None => text,
            };
            tree.write(&open.path, text.as_bytes())
        })
        .map_err(|error| failed(&error))?;
    tree.keep_others().map_err(|error| failed(&error))?;
    tree.commit().map(drop).map_err(|error| failed(&error))
}

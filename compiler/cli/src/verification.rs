//! Whether a bundle may be applied: who signed it, for whom, until when, and whether it is what was signed, file by file.
//! Not here: registries, and the question itself (`kars_trust::verify`).

mod attestations;
mod inventory;
mod state;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use kars_contract::name::{Name, Namespace};
use kars_trust::verify::{self, Judge, Place};
use kars_trust::{BundleClaims, Refusal, SignatureFile, Trust, Verified};
use rayon::prelude::*;
use serde::Serialize;

use crate::outcome::Failure;
pub(crate) use attestations::ATTESTED;
pub(crate) use inventory::Inventory;
pub(crate) use state::State;
pub(crate) use world::{KNOWN as SIGNATURE_FILES, World};

/// The folder of signatures, and the signature over the inventory in it.
pub(crate) const SIGNATURES: &str = "signatures";
pub(crate) const BUNDLE_SIGNATURE: &str = "bundle.sigstore.json";

/// What a bundle must show.
pub(crate) struct Expectations {
    /// Who must have signed it.
    pub(crate) trust: Trust,
    /// Who must have attested provenance and packages, where that is asked for.
    pub(crate) attestation: Option<Trust>,
    /// The cluster it must be meant for.
    pub(crate) audience: Option<Name>,
    /// The moment to judge by.
    pub(crate) now: Instant,
}

/// What was found to be true of a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The artifact that was pulled, by digest; absent for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact: Option<String>,
    /// Absent for the bundle of a platform, as the cluster is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<Name>,
    pub(crate) environment: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<Name>,
    /// The digest of `bundle.json`, which is what was signed.
    pub(crate) bundle_digest: Digest,
    pub(crate) content_digest: Digest,
    pub(crate) serial: u64,
    /// The earliest of the bundle's own and its documents'.
    pub(crate) not_after: Instant,
    /// The hints of the trusted keys that signed.
    pub(crate) signers: Vec<String>,
    /// How many files the inventory names.
    pub(crate) files: usize,
    /// How many router documents are signed.
    pub(crate) documents: usize,
    /// What the second key attests: the types of the statements.
    pub(crate) attestations: Vec<String>,
}

/// Checks a folder against what it must show and what was accepted before.
pub(crate) fn verify(folder: &Path, expectations: &Expectations, state: &State) -> Result<Report, Failure> {
    let world = World::read(folder)?;
    let bytes = world.content("bundle.json")?;
    let digest = Digest::of(&bytes);
    let verified = signed(&world, &digest, expectations, state)?;
    let claims = verified.value();
    let inventory = Inventory::decode(&bytes, claims)?;
    let slots = world.compare(&inventory)?;
    let not_after = documents(&slots, &inventory, &verified, expectations)?;
    let attestations = attestations::check(&world, &digest, expectations)?;
    Ok(Report {
        artifact: None,
        scenario: claims.scenario.clone(),
        environment: claims.environment.clone(),
        cluster: claims.cluster.clone(),
        bundle_digest: digest,
        content_digest: claims.content_digest.clone(),
        serial: claims.serial,
        not_after,
        signers: verified.signers().to_vec(),
        files: inventory.files.len(),
        documents: slots.len(),
        attestations,
    })
}

/// What trusted keys claim about the inventory, before a byte of it is believed.
fn signed(
    world: &World<'_>,
    digest: &Digest,
    expectations: &Expectations,
    state: &State,
) -> Result<Verified<BundleClaims>, Failure> {
    let path = format!("{SIGNATURES}/{BUNDLE_SIGNATURE}");
    let signatures = world.signature(BUNDLE_SIGNATURE);
    // Which statement is there decides which one was accepted before; it is checked with it below.
    let accepted = SignatureFile::decode(signatures).ok().and_then(|file| state.before(&file));
    let judge = Judge { trust: &expectations.trust, now: expectations.now, accepted };
    verify::bundle(digest, signatures, expectations.audience.as_ref(), &judge)
        .and_then(|verified| verified.fresh(expectations.now))
        .map_err(|refusal| refused(&path, &refusal))
}

/// Every router's document has a statement of its own, for its place, with the serial that the bundle's names. Returns until
/// when all of them and the bundle count.
fn documents(
    slots: &BTreeMap<String, String>,
    inventory: &Inventory,
    bundle: &Verified<BundleClaims>,
    expectations: &Expectations,
) -> Result<Instant, Failure> {
    let claims = bundle.value();
    let judge = Judge { trust: &expectations.trust, now: expectations.now, accepted: None };
    let judged: Vec<Result<Instant, Failure>> = slots
        .par_iter()
        .map(|(agent, signatures)| {
            let judged = document(agent, signatures, inventory, claims, &judge);
            judged.map_err(|refusal| refused(&format!("the document of agent `{agent}`"), &refusal))
        })
        .collect();
    judged.into_iter().try_fold(claims.not_after, |earliest, not_after| Ok(earliest.min(not_after?)))
}

fn document(
    agent: &str,
    signatures: &str,
    inventory: &Inventory,
    bundle: &BundleClaims,
    judge: &Judge<'_>,
) -> Result<Instant, Refusal> {
    let unreadable = |what: &str| Refusal::Statement(format!("`{agent}` is no {what} that the inventory knows"));
    let digest =
        inventory.files.get(&format!("documents/{agent}.router.json")).ok_or_else(|| unreadable("document"))?;
    let scenario = bundle.scenario.as_ref().ok_or_else(|| unreadable("agent of a scenario"))?;
    let agent = Name::parse(agent).map_err(|_| unreadable("name"))?;
    let namespace = Namespace::of(scenario, &agent).map_err(|_| unreadable("namespace"))?;
    let place = Place { cluster: bundle.cluster.clone(), namespace, agent };
    let verified = verify::router_claims(digest, signatures.as_bytes(), &place, judge)?.fresh(judge.now)?;
    let claims = verified.value();
    for (field, signed, here) in
        [("scenario", &claims.scenario, scenario), ("environment", &claims.environment, &bundle.environment)]
    {
        if signed != here {
            let (signed, here) = (signed.to_string(), here.to_string());
            return Err(Refusal::WrongPlace { field, signed, here });
        }
    }
    // The bundle's statement names the serial of each: a statement of another release is not the one that belongs here.
    let accepted = bundle.serial_of(&place.agent);
    if claims.serial != accepted {
        return Err(Refusal::Rollback { serial: claims.serial, accepted });
    }
    Ok(claims.not_after)
}

/// A refusal, said of a file or a thing.
pub(crate) fn refused(what: &str, refusal: &Refusal) -> Failure {
    let help = match refusal {
        Refusal::Unsigned => "; `karsc sign` signs a bundle",
        Refusal::NoMatchingKey | Refusal::TooFewKeys { .. } => "; name its keys with `--key` or `--trust`",
        Refusal::Expired { .. } => "; sign the bundle again, or build it from its source",
        Refusal::Rollback { .. } | Refusal::Equivocation { .. } | Refusal::BelowMinimum { .. } => {
            "; apply what was accepted, or find out who replaced it"
        }
        Refusal::Ahead { .. } => "; look at the clocks of both machines, or sign again with `--serial`",
        _ => "",
    };
    Failure::Unverified { exit: refusal.exit_code(), message: format!("{what}: {refusal} ({}){help}", refusal.code()) }
}

/// A file that is not what was signed.
pub(crate) fn mismatch(message: &str) -> Failure {
    Failure::Unverified { exit: 14, message: format!("{message}; build the bundle again, or take the signed one") }
}

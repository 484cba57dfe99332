//! The one question: did trusted keys sign this, for this place, and does it still count? Not here: reading files.

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::instant::Instant;
use kars_contract::name::{Name, Namespace};
use kars_contract::router::RouterDocument;

use crate::bundle::BundleClaims;
use crate::envelope::Envelope;
use crate::refusal::Refusal;
use crate::router::RouterClaims;
use crate::signature_file::SignatureFile;
use crate::statement::{Attested, Claims, Statement, Validity};
use crate::trust::Trust;
use crate::verified::{Accepted, Freshness, Verified, freshness};

/// How many seconds a serial may lie in the future: the most that two clocks differ, and little enough for whoever signed
/// by mistake to wait.
pub const MOST_AHEAD: u64 = 86_400;

/// Where a document is about to be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The cluster, where it is known.
    pub cluster: Option<Name>,
    /// The namespace of the pod.
    pub namespace: Namespace,
    /// The agent, as the pod is named.
    pub agent: Name,
}

/// Who is trusted, when it is, and what was accepted before.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The keys that count.
    pub trust: &'a Trust,
    /// The moment to judge by.
    pub now: Instant,
    /// What was accepted last.
    pub accepted: Option<&'a Accepted>,
}

/// Reads a router's document, if it is signed for this place and its grace has not ended.
pub fn router_document(
    document: &[u8],
    signature_file: &[u8],
    place: &Place,
    judge: &Judge<'_>,
) -> Result<Verified<RouterDocument>, Refusal> {
    let verified = router_claims(&Digest::of(document), signature_file, place, judge)?;
    let value = RouterDocument::decode(document)?;
    let Verified { value: claims, digest, validity, signers } = verified;
    let identity = &value.identity;
    same("agent", &claims.agent, &identity.agent)?;
    same("namespace", &claims.namespace, &identity.namespace)?;
    same("scenario", &claims.scenario, &identity.scenario)?;
    same("environment", &claims.environment, &identity.environment)?;
    same("cluster", &claims.cluster, &identity.cluster)?;
    Ok(Verified { value, digest, validity, signers })
}

/// The same about a document whose digest is known already: what is claimed about it.
pub fn router_claims(
    digest: &Digest,
    signature_file: &[u8],
    place: &Place,
    judge: &Judge<'_>,
) -> Result<Verified<RouterClaims>, Refusal> {
    let (claims, signers) = signed::<RouterClaims>(digest, signature_file, judge.trust)?;
    same("agent", &claims.agent, &place.agent)?;
    same("namespace", &claims.namespace, &place.namespace)?;
    if let Some(cluster) = &place.cluster {
        same("cluster", &claims.cluster, cluster)?;
    }
    judged(claims, digest, signers, judge)
}

/// What is claimed about an inventory, `bundle.json`, for one cluster or for any.
pub fn bundle(
    digest: &Digest,
    signature_file: &[u8],
    audience: Option<&Name>,
    judge: &Judge<'_>,
) -> Result<Verified<BundleClaims>, Refusal> {
    let (claims, signers) = signed::<BundleClaims>(digest, signature_file, judge.trust)?;
    if let Some(audience) = audience {
        let signed = claims.cluster.as_ref().map_or("", Name::as_str);
        same("cluster", signed, audience)?;
    }
    judged(claims, digest, signers, judge)
}

/// A document of the dev profile where nobody is trusted. This is the only way to a document without a signature: it must
/// say `dev` itself, and there must be no trust to ask.
pub fn dev_document(document: &[u8], trust: Option<&Trust>) -> Result<RouterDocument, Refusal> {
    let value = RouterDocument::decode(document)?;
    if value.dev && trust.is_none() { Ok(value) } else { Err(Refusal::Unsigned) }
}

/// A statement of a given type about a digest, without a time of its own, such as provenance. `envelopes` may come from
/// anywhere, also from [`Envelope::decode_foreign`]; those that are about something else count for nothing.
pub fn attestation<'e>(
    envelopes: impl IntoIterator<Item = &'e Envelope>,
    digest: &Digest,
    predicate_type: &str,
    trust: &Trust,
) -> Result<(Attested, Vec<String>), Refusal> {
    let mut files: Vec<SignatureFile> = Vec::new();
    for envelope in envelopes {
        let known = files.iter().position(|file| file.payload() == Some(envelope.payload()));
        let index = known.unwrap_or_else(|| {
            files.push(SignatureFile::default());
            files.len() - 1
        });
        files[index].add(envelope.clone());
    }
    let mut refusal = Refusal::Unsigned;
    for file in &files {
        match attested(file, digest, predicate_type, trust) {
            Ok(found) => return Ok(found),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn attested(
    file: &SignatureFile,
    digest: &Digest,
    predicate_type: &str,
    trust: &Trust,
) -> Result<(Attested, Vec<String>), Refusal> {
    let signers = trust.signers(file)?;
    let attested = Attested::decode(file.payload().unwrap_or_default())?;
    if attested.predicate_type != predicate_type {
        let wanted = predicate_type.to_owned();
        return Err(Refusal::OtherStatement { found: attested.predicate_type, wanted });
    }
    about(&attested.digest, digest)?;
    Ok((attested, signers))
}

/// What enough trusted keys claim about a digest, and which.
fn signed<C: Claims>(digest: &Digest, signature_file: &[u8], trust: &Trust) -> Result<(C, Vec<String>), Refusal> {
    let file = SignatureFile::decode(signature_file)?;
    let signers = trust.signers(&file)?;
    let statement = Statement::<C>::decode(file.payload().unwrap_or_default())?;
    about(&statement.digest, digest)?;
    Ok((statement.claims, signers))
}

fn judged<C: Claims>(
    claims: C,
    digest: &Digest,
    signers: Vec<String>,
    judge: &Judge<'_>,
) -> Result<Verified<C>, Refusal> {
    let validity = claims.validity();
    in_order(&validity, digest, judge)?;
    if freshness(&validity, judge.now) == Freshness::Expired {
        return Err(Refusal::Expired { not_after: validity.not_after });
    }
    Ok(Verified { value: claims, digest: digest.clone(), validity, signers })
}

/// Serials only grow, never past the clock, and each stands for one content.
fn in_order(validity: &Validity, digest: &Digest, judge: &Judge<'_>) -> Result<(), Refusal> {
    let serial = validity.serial;
    let minimum = judge.trust.min_serial();
    if serial < minimum {
        return Err(Refusal::BelowMinimum { serial, minimum });
    }
    if let Some(accepted) = judge.accepted {
        if serial < accepted.serial {
            return Err(Refusal::Rollback { serial, accepted: accepted.serial });
        }
        if serial == accepted.serial && *digest != accepted.digest {
            return Err(Refusal::Equivocation { serial, accepted: accepted.digest.clone() });
        }
    }
    let now = judge.now.unix_seconds().max(0).unsigned_abs();
    if serial > now.saturating_add(MOST_AHEAD) {
        return Err(Refusal::Ahead { serial, now });
    }
    Ok(())
}

fn about(signed: &Digest, found: &Digest) -> Result<(), Refusal> {
    if signed == found {
        return Ok(());
    }
    Err(Refusal::OtherDigest { found: found.clone(), signed: signed.clone() })
}

fn same(field: &'static str, signed: &(impl AsRef<str> + ?Sized), here: &impl AsRef<str>) -> Result<(), Refusal> {
    if signed.as_ref() == here.as_ref() {
        return Ok(());
    }
    Err(Refusal::WrongPlace { field, signed: signed.as_ref().to_owned(), here: here.as_ref().to_owned() })
}

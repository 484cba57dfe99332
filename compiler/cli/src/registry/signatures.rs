//! What vouches for an artifact, wherever it may lie: referrers, the tag that lists them, the older tag. What cannot be read
//! counts for nothing. Not here: whose signatures they are.

use kars_contract::digest::Digest;
use kars_trust::Envelope;
use kars_trust::envelope::MAX_BYTES;
use kars_trust::statement::Attested;
use oci_client::manifest::ImageIndexEntry;

use super::pull::manifest_of;
use super::{Fault, Registry};
use crate::package::legacy::{self, Legacy};

/// What every version of a Sigstore bundle is called at first.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// How many referrers are looked into.
const MOST: usize = 64;
/// How many bytes all of them may have together, and each.
const LARGEST: u64 = 64 << 20;
const LARGEST_BUNDLE: u64 = MAX_BYTES as u64;
/// The largest claim of the older form.
const LARGEST_CLAIM: u64 = 64 << 10;

/// What was found about an artifact.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    pub(crate) statements: Vec<Signed>,
    pub(crate) legacy: Vec<Legacy>,
    /// Where it was looked for.
    pub(crate) looked_at: Vec<String>,
}

/// A signed statement about the artifact, not checked yet.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) envelope: Envelope,
    pub(crate) statement: Attested,
}

impl Registry {
    /// Looks for all that vouches for an artifact.
    pub(crate) fn signatures(&self, subject: &Digest) -> Result<Signatures, Fault> {
        let referrers = self.referrers(subject)?;
        let mut found = Signatures { looked_at: referrers.looked_at, ..Signatures::default() };
        let bundles = referrers.entries.iter().filter(|entry| may_be_bundle(entry));
        let mut left = LARGEST;
        for entry in bundles.take(MOST) {
            let signed = readable(self.signed(entry, subject, left.min(LARGEST_BUNDLE)))?.flatten();
            left -= signed.as_ref().map_or(0, |signed| signed.envelope.payload().len() as u64);
            found.statements.extend(signed);
        }
        let tag = legacy::tag(subject);
        found.looked_at.push(format!("manifests/{tag}"));
        found.legacy = readable(self.claims(&tag))?.unwrap_or_default();
        Ok(found)
    }

    /// The signed statement that an entry of an index leads to, if it is about the subject.
    fn signed(&self, entry: &ImageIndexEntry, subject: &Digest, most: u64) -> Result<Option<Signed>, Fault> {
        let manifest = manifest_of(&self.manifest(&entry.digest)?)?;
        let about = manifest.subject.is_some_and(|named| named.digest == subject.as_str());
        let [layer] = manifest.layers.as_slice() else { return Ok(None) };
        if !about || !layer.media_type.starts_with(BUNDLE) {
            return Ok(None);
        }
        let bytes = self.blob_within(layer, most)?;
        let Ok(envelope) = Envelope::decode_foreign(&bytes) else { return Ok(None) };
        let Ok(statement) = Attested::decode(envelope.payload()) else { return Ok(None) };
        Ok((statement.digest == *subject).then_some(Signed { envelope, statement }))
    }

    fn claims(&self, tag: &str) -> Result<Vec<Legacy>, Fault> {
        let manifest = manifest_of(&self.manifest(tag)?)?;
        let layers = manifest.layers.into_iter().filter(|layer| layer.media_type == legacy::MEDIA_TYPE);
        layers.map(|layer| Ok(Legacy { payload: self.blob_within(&layer, LARGEST_CLAIM)?, layer })).collect()
    }
}

fn may_be_bundle(entry: &ImageIndexEntry) -> bool {
    entry.artifact_type.as_ref().is_none_or(|kind| kind.starts_with(BUNDLE)) && Digest::parse(&entry.digest).is_ok()
}

/// What others put there is no reason to stop; that the registry cannot be asked is.
fn readable<T>(outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Fault::NotFound(_) | Fault::Malformed { .. } | Fault::OtherDigest { .. } | Fault::TooLarge { .. }) => {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

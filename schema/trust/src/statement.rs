//! In-toto statements: claims about one digest. There is one way to write each. Not here: signatures.

use kars_contract::digest::Digest;
use kars_contract::instant::Instant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::refusal::Refusal;

/// The type of a statement.
const KIND: &str = "https://in-toto.io/Statement/v1";

/// What a statement says beside the digest it is about.
pub trait Claims: DeserializeOwned + Serialize {
    /// What the claims mean: the statement's `predicateType`.
    const TYPE: &'static str;
    /// What the digest is that of.
    const SUBJECT: &'static str;

    /// From when until when.
    fn validity(&self) -> Validity;
}

/// From when until when a statement counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// What orders statements: Unix seconds.
    pub serial: u64,
    /// From then on it should have been renewed.
    pub not_after: Instant,
    /// How many seconds later it ends for good.
    pub grace: u64,
}

impl Validity {
    /// When it ends for good, in Unix seconds.
    #[must_use]
    pub fn ends(&self) -> u64 {
        self.not_after.unix_seconds().max(0).unsigned_abs().saturating_add(self.grace)
    }
}

/// Claims about one digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement<C> {
    /// What they are about.
    pub digest: Digest,
    /// What is claimed.
    pub claims: C,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<C> {
    #[serde(rename = "_type")]
    kind: String,
    subject: [Subject; 1],
    predicate_type: String,
    predicate: C,
}

/// Other programs write further fields, such as annotations, and further digests. They add nothing to what is read here.
#[derive(Deserialize, Serialize)]
struct Subject {
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    digest: Sha256,
}

#[derive(Deserialize, Serialize)]
struct Sha256 {
    sha256: String,
}

impl<C: Claims> Statement<C> {
    /// The canonical bytes: JSON without spaces, fields in the order of their definition.
    ///
    /// # Panics
    /// Never for the claims of this crate: all their keys are text and all their numbers whole.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        written(&self.digest, Some(C::SUBJECT), C::TYPE, &self.claims)
    }

    /// Reads what [`Self::encode`] writes, and nothing else: no doubled key, no other spelling of a number, nothing after.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let attested = Attested::decode(bytes)?;
        if attested.predicate_type != C::TYPE {
            return Err(Refusal::OtherStatement { found: attested.predicate_type, wanted: C::TYPE.to_owned() });
        }
        let claims = serde_json::from_str(attested.predicate.get());
        let claims = claims.map_err(|error| Refusal::Statement(error.to_string()))?;
        let statement = Self { digest: attested.digest, claims };
        if statement.encode() == bytes { Ok(statement) } else { Err(Refusal::NotCanonical) }
    }
}

/// A statement of any type: what it is about, and its predicate as it was written.
#[derive(Debug)]
pub struct Attested {
    /// What it is about.
    pub digest: Digest,
    /// What the predicate means.
    pub predicate_type: String,
    /// The predicate, verbatim.
    pub predicate: Box<RawValue>,
}

impl Attested {
    /// Writes a statement of any type about a digest; the predicate is kept verbatim.
    ///
    /// # Panics
    /// Never: the predicate is JSON already.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        written(&self.digest, None, &self.predicate_type, &self.predicate)
    }

    /// Reads a statement with one subject and its SHA-256 digest. Other programs write spaces, names and further fields as
    /// they like; what is known must be there once.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let wire: Wire<Box<RawValue>> =
            serde_json::from_slice(bytes).map_err(|error| Refusal::Statement(error.to_string()))?;
        if wire.kind != KIND {
            return Err(Refusal::Statement(format!("`_type` is `{}`, wanted is `{KIND}`", wire.kind)));
        }
        let [subject] = wire.subject;
        let digest = Digest::parse(&format!("sha256:{}", subject.digest.sha256));
        let digest = digest.map_err(|error| Refusal::Statement(error.to_string()))?;
        Ok(Self { digest, predicate_type: wire.predicate_type, predicate: wire.predicate })
    }
}

fn written<P: Serialize>(digest: &Digest, name: Option<&'static str>, predicate_type: &str, predicate: P) -> Vec<u8> {
    let wire = Wire {
        kind: KIND.to_owned(),
        subject: [Subject { name, digest: Sha256 { sha256: digest.hex().to_owned() } }],
        predicate_type: predicate_type.to_owned(),
        predicate,
    };
    serde_json::to_vec(&wire).expect("claims have text keys and whole numbers")
}

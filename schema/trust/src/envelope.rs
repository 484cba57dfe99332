//! One signature: a DSSE envelope in a Sigstore bundle of version 0.3 with a public key, as cosign writes it. There is
//! one way to write each (`decode` refuses all others). Not here: what the payload says, and whose key it is.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::DerSignature;
use serde::{Deserialize, Serialize};

use crate::key::PublicKey;

/// The media type of the bundle.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of the payload: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The largest bundle that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// A payload and one signature over it.
#[derive(Clone, Debug)]
pub struct Envelope {
    payload: Vec<u8>,
    signature: DerSignature,
    hint: String,
}

/// Why bytes are no bundle with one signature by a public key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidEnvelope {
    /// Larger than [`MAX_BYTES`].
    #[error("the signature has {0} bytes, more than any bundle needs")]
    TooLarge(usize),
    /// Not JSON, or not these fields.
    #[error("not a Sigstore bundle v0.3 with a public key and a DSSE envelope: {0}")]
    Form(String),
    /// Another media type or payload type.
    #[error("`{0}` is not a type that is read here")]
    Type(String),
    /// Not exactly one signature.
    #[error("the envelope holds {0} signatures; one is read")]
    Signatures(usize),
    /// Broken base64 or DER.
    #[error("the {0} cannot be decoded")]
    Bytes(&'static str),
    /// The same content, written in another way.
    #[error("the signature is not in canonical form")]
    NotCanonical,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire<'a> {
    media_type: &'a str,
    #[serde(borrow)]
    verification_material: Material<'a>,
    dsse_envelope: Dsse<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Material<'a> {
    #[serde(borrow)]
    public_key: Hint<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Hint<'a> {
    hint: &'a str,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dsse<'a> {
    payload: Cow<'a, str>,
    payload_type: &'a str,
    #[serde(borrow)]
    signatures: [Signature<'a>; 1],
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signature<'a> {
    sig: Cow<'a, str>,
}

/// What other programs write: the same, with further fields that say nothing about a key.
mod lenient {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Wire {
        pub(super) media_type: String,
        pub(super) verification_material: Material,
        pub(super) dsse_envelope: Dsse,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Material {
        pub(super) public_key: Hint,
    }

    #[derive(Deserialize)]
    pub(super) struct Hint {
        pub(super) hint: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Dsse {
        pub(super) payload: String,
        pub(super) payload_type: String,
        pub(super) signatures: Vec<Signature>,
    }

    #[derive(Deserialize)]
    pub(super) struct Signature {
        pub(super) sig: String,
    }
}

impl Envelope {
    pub(crate) fn new(payload: Vec<u8>, signature: DerSignature, hint: String) -> Self {
        Self { payload, signature, hint }
    }

    /// What was signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Which key is said to have signed it ([`PublicKey::hint`]). Only [`Self::is_by`] says whether it did.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Whether this key signed the payload.
    #[must_use]
    pub fn is_by(&self, key: &PublicKey) -> bool {
        key.made(&self.signature, &[header(self.payload.len()).as_bytes(), &self.payload])
    }

    /// The bundle as one line of JSON, without a line feed.
    ///
    /// # Panics
    /// Never: all fields are text.
    #[must_use]
    pub fn encode(&self) -> String {
        let wire = Wire {
            media_type: MEDIA_TYPE,
            verification_material: Material { public_key: Hint { hint: &self.hint } },
            dsse_envelope: Dsse {
                payload: STANDARD.encode(&self.payload).into(),
                payload_type: PAYLOAD_TYPE,
                signatures: [Signature { sig: STANDARD.encode(self.signature.as_bytes()).into() }],
            },
        };
        serde_json::to_string(&wire).expect("all fields are text")
    }

    /// Reads what [`Self::encode`] writes, and nothing else.
    pub fn decode(line: &str) -> Result<Self, InvalidEnvelope> {
        let wire: Wire<'_> = within_limit(line.as_bytes())?;
        let [signature] = &wire.dsse_envelope.signatures;
        let envelope = Self::read(
            (wire.media_type, wire.dsse_envelope.payload_type),
            &wire.dsse_envelope.payload,
            &signature.sig,
            wire.verification_material.public_key.hint,
        )?;
        if envelope.encode() == line { Ok(envelope) } else { Err(InvalidEnvelope::NotCanonical) }
    }

    /// Reads a bundle that another program wrote, such as cosign: fields in any order, and fields that do not matter to a
    /// signature by a key, such as empty lists of log entries. Its signature is checked like any other.
    pub fn decode_foreign(bytes: &[u8]) -> Result<Self, InvalidEnvelope> {
        let wire: lenient::Wire = within_limit(bytes)?;
        let [signature] = wire.dsse_envelope.signatures.as_slice() else {
            return Err(InvalidEnvelope::Signatures(wire.dsse_envelope.signatures.len()));
        };
        Self::read(
            (&wire.media_type, &wire.dsse_envelope.payload_type),
            &wire.dsse_envelope.payload,
            &signature.sig,
            &wire.verification_material.public_key.hint,
        )
    }

    fn read(types: (&str, &str), payload: &str, signature: &str, hint: &str) -> Result<Self, InvalidEnvelope> {
        for (found, wanted) in [(types.0, MEDIA_TYPE), (types.1, PAYLOAD_TYPE)] {
            if found != wanted {
                return Err(InvalidEnvelope::Type(found.to_owned()));
            }
        }
        let payload = STANDARD.decode(payload).map_err(|_| InvalidEnvelope::Bytes("payload"))?;
        let signature = STANDARD.decode(signature).map_err(|_| InvalidEnvelope::Bytes("signature"))?;
        let signature = DerSignature::from_bytes(&signature).map_err(|_| InvalidEnvelope::Bytes("signature"))?;
        Ok(Self { payload, signature, hint: hint.to_owned() })
    }
}

fn within_limit<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, InvalidEnvelope> {
    if bytes.len() > MAX_BYTES {
        return Err(InvalidEnvelope::TooLarge(bytes.len()));
    }
    serde_json::from_slice(bytes).map_err(|error| InvalidEnvelope::Form(error.to_string()))
}

/// What stands before the payload in the bytes that are signed (DSSE's pre-authentication encoding).
pub(crate) fn header(length: usize) -> String {
    format!("DSSEv1 {} {PAYLOAD_TYPE} {length} ", PAYLOAD_TYPE.len())
}

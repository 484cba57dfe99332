//! Public keys and their hints. Not here: private keys (`sign`), and which keys count (`trust`).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::MultipartVerifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::{DecodePublicKey, EncodePublicKey};
use sha2::{Digest as _, Sha256};

/// A public key on the curve P-256.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    key: VerifyingKey,
    hint: String,
}

/// Why a text is no public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "not a public key: write a P-256 key as PEM, between `-----BEGIN PUBLIC KEY-----` and `-----END PUBLIC KEY-----`"
)]
pub struct InvalidKey;

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in PEM. Other curves and algorithms are refused.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        VerifyingKey::from_public_key_pem(text.trim()).map(Self::new).map_err(|_| InvalidKey)
    }

    pub(crate) fn new(key: VerifyingKey) -> Self {
        let der = key.to_public_key_der().expect("a point of the curve can be written");
        Self { key, hint: STANDARD.encode(Sha256::digest(der.as_bytes())) }
    }

    /// What names the key in a signature: the base64 of the SHA-256 of its DER form. One key has one hint, however its
    /// PEM is laid out.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The key as PEM, closed by a line feed.
    ///
    /// # Panics
    /// Never: every point of the curve can be written.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.key.to_public_key_pem(p256::pkcs8::LineEnding::LF).expect("a point of the curve can be written")
    }

    /// Whether the signature over the message, given in parts, was made with this key.
    #[must_use]
    pub(crate) fn made(&self, signature: &DerSignature, message: &[&[u8]]) -> bool {
        self.key.multipart_verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&self.hint).finish()
    }
}

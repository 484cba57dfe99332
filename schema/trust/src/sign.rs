//! Signing statements. Not here: where private keys are kept (the command line reads them).

use std::fmt;

use p256::ecdsa::signature::MultipartSigner;
use p256::ecdsa::{DerSignature, Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;

use crate::envelope::{Envelope, header};
use crate::key::PublicKey;
use crate::signature_file::SignatureFile;

/// Whoever can sign: a key in memory, or a device that holds one.
pub trait Signer: Sync {
    /// The key that its signatures are checked with.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message that is given in parts: ECDSA over its SHA-256.
    fn sign(&self, message: &[&[u8]]) -> Result<DerSignature, CannotSign>;
}

/// A signer could not sign.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key `{hint}` cannot sign: {reason}")]
pub struct CannotSign {
    /// Of the key.
    pub hint: String,
    /// What its holder said.
    pub reason: String,
}

/// A P-256 key in memory. Its nonces follow RFC 6979, so the same statement gets the same signature. Wiped when dropped.
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

/// Why bytes are no private key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a P-256 private key in PKCS#8")]
pub struct InvalidPrivateKey;

impl PrivateKey {
    /// Reads a key in PKCS#8 DER. Other curves and algorithms are refused.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, InvalidPrivateKey> {
        let key = SigningKey::from_pkcs8_der(der).map_err(|_| InvalidPrivateKey)?;
        Ok(Self { public: PublicKey::new(*key.verifying_key()), key })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[&[u8]]) -> Result<DerSignature, CannotSign> {
        let signature: Result<Signature, _> = self.key.try_multipart_sign(message);
        let failed =
            |error: p256::ecdsa::Error| CannotSign { hint: self.public.hint().to_owned(), reason: error.to_string() };
        signature.map(|signature| signature.to_der()).map_err(failed)
    }
}

/// Signs a statement, the payload, once with each signer.
pub fn sign(payload: &[u8], signers: &[&dyn Signer]) -> Result<SignatureFile, CannotSign> {
    let header = header(payload.len());
    let mut file = SignatureFile::default();
    for signer in signers {
        let signature = signer.sign(&[header.as_bytes(), payload])?;
        file.add(Envelope::new(payload.to_vec(), signature, signer.public_key().hint().to_owned()));
    }
    Ok(file)
}

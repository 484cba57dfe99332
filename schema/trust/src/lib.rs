//! Who signed what, for whom, until when: the only verify function.
//!
//! Not here: files, clocks, random numbers and networks. Bytes, keys, place and moment arrive as values, so the command
//! line and the router ask the same question and get the same answer.
#![deny(missing_docs)]

pub mod bundle;
pub mod envelope;
pub mod key;
pub mod refusal;
pub mod router;
pub mod sign;
pub mod signature_file;
pub mod statement;
pub mod trust;
pub mod verified;
pub mod verify;

pub use bundle::BundleClaims;
pub use envelope::Envelope;
pub use key::PublicKey;
pub use refusal::Refusal;
pub use router::RouterClaims;
pub use sign::{PrivateKey, Signer, sign};
pub use signature_file::SignatureFile;
pub use statement::{Claims, Statement, Validity};
pub use trust::Trust;
pub use verified::{Accepted, Freshness, Verified};
pub use verify::Place;

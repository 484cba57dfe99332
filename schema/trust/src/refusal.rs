//! Every way to say no, each with a stable code and an exit code. Not here: how it is printed.

use kars_contract::digest::Digest;
use kars_contract::document::InvalidDocument;
use kars_contract::instant::Instant;

use crate::envelope::InvalidEnvelope;

/// Why something signed is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no signature.
    #[error("it is not signed")]
    Unsigned,
    /// Not a bundle with one signature by a public key.
    #[error(transparent)]
    Envelope(#[from] InvalidEnvelope),
    /// Not written in the one way that there is.
    #[error("the signature is not in canonical form")]
    NotCanonical,
    /// The signatures of one file are over different statements.
    #[error("the signatures are over different statements")]
    SeveralStatements,
    /// The statement cannot be read.
    #[error("the signed statement cannot be read: {0}")]
    Statement(String),
    /// A rightly signed statement of another type.
    #[error("the signed statement is a `{found}`, wanted is a `{wanted}`")]
    OtherStatement {
        /// What it is.
        found: String,
        /// What is wanted here.
        wanted: String,
    },
    /// No trusted key signed it.
    #[error("no trusted key has signed it")]
    NoMatchingKey,
    /// Too few trusted keys signed it.
    #[error("{found} trusted keys have signed it, {wanted} must")]
    TooFewKeys {
        /// How many did.
        found: usize,
        /// How many must.
        wanted: usize,
    },
    /// A signature that bears a trusted key's hint was not made with it.
    #[error("the signature of the key `{hint}` is wrong")]
    WrongSignature {
        /// Of the key.
        hint: String,
    },
    /// It is meant for another place.
    #[error("it is signed for {field} `{signed}`, this is `{here}`")]
    WrongPlace {
        /// What differs.
        field: &'static str,
        /// What was signed.
        signed: String,
        /// Where this is.
        here: String,
    },
    /// It is not what was signed.
    #[error("its digest is `{found}`, signed is `{signed}`")]
    OtherDigest {
        /// Of what is there.
        found: Digest,
        /// In the statement.
        signed: Digest,
    },
    /// What was signed is no document.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// Older than what was accepted before.
    #[error("its serial is {serial}, accepted before was {accepted}")]
    Rollback {
        /// What is there.
        serial: u64,
        /// What was accepted.
        accepted: u64,
    },
    /// Two contents under one serial.
    #[error("its serial is {serial}, under which `{accepted}` was accepted before: the key has signed two contents")]
    Equivocation {
        /// Of both.
        serial: u64,
        /// What was accepted.
        accepted: Digest,
    },
    /// Below the lowest serial that the trust accepts.
    #[error("its serial is {serial}, below the trusted minimum {minimum}")]
    BelowMinimum {
        /// What is there.
        serial: u64,
        /// What the trust asks for.
        minimum: u64,
    },
    /// Further in the future than a clock may be wrong. Accepting it would refuse everything that follows.
    #[error("its serial is {serial}, more than {} seconds after now, {now}", crate::verify::MOST_AHEAD)]
    Ahead {
        /// What is there.
        serial: u64,
        /// Seconds since 1970.
        now: u64,
    },
    /// Its time is over.
    #[error("it has expired at {not_after}")]
    Expired {
        /// Until then it counted.
        not_after: Instant,
    },
}

impl Refusal {
    /// Stable: it is logged, counted and tested under this name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Envelope(_) => "malformed-signature",
            Self::NotCanonical => "not-canonical",
            Self::SeveralStatements => "several-statements",
            Self::Statement(_) => "malformed-statement",
            Self::OtherStatement { .. } => "other-statement",
            Self::NoMatchingKey => "no-matching-key",
            Self::TooFewKeys { .. } => "too-few-keys",
            Self::WrongSignature { .. } => "wrong-signature",
            Self::WrongPlace { .. } => "wrong-place",
            Self::OtherDigest { .. } => "other-digest",
            Self::Document(_) => "malformed-document",
            Self::Rollback { .. } => "rollback",
            Self::Equivocation { .. } => "equivocation",
            Self::BelowMinimum { .. } => "below-minimum",
            Self::Ahead { .. } => "ahead",
            Self::Expired { .. } => "expired",
        }
    }

    /// The exit code of a program that ends because of it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unsigned => 10,
            Self::Envelope(_)
            | Self::NotCanonical
            | Self::SeveralStatements
            | Self::Statement(_)
            | Self::OtherStatement { .. }
            | Self::NoMatchingKey
            | Self::TooFewKeys { .. }
            | Self::WrongSignature { .. } => 12,
            Self::WrongPlace { .. } => 13,
            Self::OtherDigest { .. } | Self::Document(_) => 14,
            Self::Rollback { .. } | Self::Equivocation { .. } | Self::BelowMinimum { .. } | Self::Ahead { .. } => 15,
            Self::Expired { .. } => 16,
        }
    }
}

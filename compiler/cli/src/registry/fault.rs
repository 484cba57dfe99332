//! What can go wrong with a registry. No message holds a secret or a body. Every one of them is the
//! environment's fault.

use kars_contract::digest::Digest;

use crate::outcome::Failure;

/// Why a registry did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("`{place}` cannot be reached: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("`{place}` took too long; the limit is {seconds} seconds")]
    Slow { place: String, seconds: u64 },
    #[error("`{0}` redirects to where credentials and content are not safe; only `https` may redirect, to `https`")]
    Redirect(String),
    #[error("`{0}` is not there")]
    NotFound(String),
    #[error("`{0}` refuses access: log in, for example with `docker login`, or ask for the right")]
    Unauthorized(String),
    #[error("`{place}` answered {status}")]
    Status { place: String, status: u16 },
    #[error("`{place}` is larger than {limit} bytes")]
    TooLarge { place: String, limit: u64 },
    #[error("`{place}` has the digest `{found}`, asked for was `{asked}`")]
    OtherDigest { place: String, found: Digest, asked: Digest },
    #[error("`{place}` is not what it should be: {reason}")]
    Malformed { place: String, reason: String },
    #[error("the credentials for `{host}` cannot be read: {reason}")]
    Credentials { host: String, reason: String },
    #[error("`{0}` is neither `https` nor this machine; name `--plain-http` where that is meant")]
    PlainHttp(String),
    #[error("no client can be made: {0}")]
    Machine(String),
}

impl Fault {
    /// Whether it may be gone a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status == 429 || (500..600).contains(status),
            _ => false,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Environment(fault.to_string())
    }
}

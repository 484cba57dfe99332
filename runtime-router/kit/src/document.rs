//! A router's document as it lies on disk, with who vouches for it. Not here: when it is read again (`watch`).

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use kars_contract::document::{Document, InvalidDocument};
use kars_contract::router::RouterDocument;
use kars_contract::settings::{SIGNATURE_FILE, TRUST_FILE};
use kars_contract::trust::TrustDocument;
use kars_contract::{Digest, Instant, Name, Namespace, RouterOrigins};
use kars_trust::trust::InvalidTrust;
use kars_trust::verify::{self, Judge, Place};
use kars_trust::{Accepted, Freshness, Refusal, Trust, Verified};

/// The folder of the signature, within that of the trust file.
const SIGNATURE_FOLDER: &str = "signature";

/// Where a document and what belongs to it lie.
#[derive(Clone, Debug)]
pub struct Files {
    /// The document.
    pub document: PathBuf,
    /// The folder of the trust file and of the signature.
    pub trust: Option<PathBuf>,
    /// Where each rule stands in the scenario.
    pub origins: Option<PathBuf>,
}

/// The pod that the program runs in, as Kubernetes says it.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Namespace,
    /// The agent that its name stands for.
    pub agent: Name,
}

/// The bytes of everything that decides, read in one go.
#[derive(Clone, Eq, PartialEq)]
pub struct Content {
    /// The document.
    pub document: Vec<u8>,
    signature: Vec<u8>,
    trust: Option<Vec<u8>>,
    origins: Option<Vec<u8>>,
}

/// A document that may be served.
#[derive(Clone, Debug)]
pub struct Loaded {
    proof: Proof,
    /// Its digest.
    pub digest: Digest,
    /// Where each rule stands in the scenario.
    pub origins: RouterOrigins,
}

/// Why it may be served.
#[derive(Clone, Debug)]
enum Proof {
    /// Trusted keys signed it for this place.
    Signed(Box<Verified<RouterDocument>>),
    /// It says itself that it is for development, and nobody is trusted here.
    Dev(Box<RouterDocument>),
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum CannotLoad {
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {error}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The trust file says nothing that can be trusted.
    #[error("the trust file is wrong: {0}")]
    Trust(String),
    /// The origins file is wrong.
    #[error("the origins file is wrong: {0}")]
    Origins(InvalidDocument),
    /// The document is not accepted.
    #[error("the document is refused: {0}")]
    Refused(#[from] Refusal),
    /// It is not known what was accepted before, so nothing can be.
    #[error(transparent)]
    Unknown(#[from] crate::accepted::Unknown),
}

impl CannotLoad {
    /// Stable: it is logged and shown under this name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Trust(_) => "malformed-trust",
            Self::Origins(_) => "malformed-origins",
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown(_) => "unknown-serial",
        }
    }

    /// The exit code of a program that ends because of it; those of `karsc verify`.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } => 3,
            Self::Trust(_) => 12,
            Self::Origins(_) => 14,
            Self::Refused(refusal) => refusal.exit_code(),
            Self::Unknown(_) => 15,
        }
    }
}

impl Files {
    /// Reads everything that decides.
    pub fn read(&self) -> Result<Content, CannotLoad> {
        let document = bounded(&self.document)?.ok_or_else(|| missing(&self.document))?;
        let (mut signature, mut trust) = (Vec::new(), None);
        if let Some(folder) = self.trust.as_deref().filter(|folder| folder.exists()) {
            let path = folder.join(TRUST_FILE);
            trust = Some(bounded(&path)?.ok_or_else(|| missing(&path))?);
            signature = bounded(&folder.join(SIGNATURE_FOLDER).join(SIGNATURE_FILE))?.unwrap_or_default();
        }
        let origins = self.origins.as_deref().map(bounded).transpose()?.flatten();
        Ok(Content { document, signature, trust, origins })
    }
}

impl Content {
    /// Judges what was read, for a pod or, outside of a cluster, for the agent that the document names.
    pub fn judge(&self, pod: Option<&Pod>, now: Instant, accepted: Option<&Accepted>) -> Result<Loaded, CannotLoad> {
        let origins = match &self.origins {
            Some(bytes) => RouterOrigins::decode(bytes).map_err(CannotLoad::Origins)?,
            None => RouterOrigins::default(),
        };
        let digest = Digest::of(&self.document);
        let Some(trust) = &self.trust else {
            // Who once served what trusted keys signed takes nothing less, wherever the trust has gone.
            if accepted.is_some() {
                return Err(Refusal::Unsigned.into());
            }
            let document = verify::dev_document(&self.document, None)?;
            return Ok(Loaded { proof: Proof::Dev(Box::new(document)), digest, origins });
        };
        let trust = trusted(trust)?;
        let place = if let Some(Pod { namespace, agent }) = pod {
            Place { cluster: None, namespace: namespace.clone(), agent: agent.clone() }
        } else {
            let identity = RouterDocument::decode(&self.document).map_err(Refusal::Document)?.identity;
            Place { cluster: Some(identity.cluster), namespace: identity.namespace, agent: identity.agent }
        };
        let judge = Judge { trust: &trust, now, accepted };
        let verified = verify::router_document(&self.document, &self.signature, &place, &judge)?;
        Ok(Loaded { proof: Proof::Signed(Box::new(verified)), digest, origins })
    }
}

impl Loaded {
    /// The document.
    #[must_use]
    pub fn document(&self) -> &RouterDocument {
        match &self.proof {
            Proof::Signed(verified) => verified.value(),
            Proof::Dev(document) => document,
        }
    }

    /// What to remember of it; nothing of one that nobody signed.
    #[must_use]
    pub fn accepted(&self) -> Option<Accepted> {
        match &self.proof {
            Proof::Signed(verified) => Some(verified.accepted()),
            Proof::Dev(_) => None,
        }
    }

    /// From when on it should have been renewed.
    #[must_use]
    pub fn not_after(&self) -> Option<Instant> {
        match &self.proof {
            Proof::Signed(verified) => Some(verified.validity().not_after),
            Proof::Dev(_) => None,
        }
    }

    /// How far its time has gone; that of a dev document never ends.
    #[must_use]
    pub fn freshness(&self, now: Instant) -> Freshness {
        match &self.proof {
            Proof::Signed(verified) => verified.freshness(now),
            Proof::Dev(_) => Freshness::Fresh,
        }
    }
}

fn trusted(bytes: &[u8]) -> Result<Trust, CannotLoad> {
    let document = TrustDocument::decode(bytes).map_err(|error| CannotLoad::Trust(error.to_string()))?;
    Trust::of(&document).map_err(|error: InvalidTrust| CannotLoad::Trust(error.to_string()))
}

/// A file of at most the size that any document has; absent where there is none.
fn bounded(path: &Path) -> Result<Option<Vec<u8>>, CannotLoad> {
    use std::io::Read;
    let unreadable = |error| CannotLoad::Unreadable { path: path.to_owned(), error };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that the reader of the document can say that it is too large.
    file.take(kars_contract::document::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Some(bytes))
}

fn missing(path: &Path) -> CannotLoad {
    CannotLoad::Unreadable { path: path.to_owned(), error: io::Error::from(ErrorKind::NotFound) }
}

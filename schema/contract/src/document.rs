//! How every document is written, read and named. Not here: signatures, files, and what the documents say.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::digest::Digest;
use crate::document::strict::Strict;

mod canonical;
mod strict;

/// The largest document that is read, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

const KIND_FIELD: &str = "kind";
const VERSION_FIELD: &str = "version";

/// A file that one program writes and another reads. Beside its own fields it carries `kind` and `version`.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {
    /// What the document calls itself.
    const KIND: &'static str;
    /// The name of its file, also the key in its `ConfigMap`.
    const FILE: &'static str;
    /// Raised whenever the meaning or the form of a field changes.
    const VERSION: u32;

    /// What the types alone cannot promise.
    fn check(&self) -> Result<(), Inconsistent> {
        Ok(())
    }

    /// The canonical bytes: JSON with sorted keys and no spaces, closed by one line feed.
    ///
    /// # Panics
    /// Never for the documents of this crate: all their keys are text and all their numbers whole.
    #[must_use]
    fn encode(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).expect("documents have text keys and whole numbers");
        let fields = value.as_object_mut().expect("a document is a struct with named fields");
        fields.insert(KIND_FIELD.to_owned(), Self::KIND.into());
        fields.insert(VERSION_FIELD.to_owned(), Self::VERSION.into());
        canonical::write(&value)
    }

    /// Reads a document. Nothing unknown, doubled or left over is let through, and no part is taken without the rest.
    fn decode(bytes: &[u8]) -> Result<Self, InvalidDocument> {
        if bytes.len() > MAX_BYTES {
            return Err(InvalidDocument::TooLarge(bytes.len()));
        }
        let Strict(mut value) = serde_json::from_slice(bytes)?;
        let fields = value.as_object_mut().ok_or(InvalidDocument::NotAnObject)?;
        let kind = fields.remove(KIND_FIELD).unwrap_or_default();
        if kind != Self::KIND {
            return Err(InvalidDocument::Kind { found: kind, wanted: Self::KIND });
        }
        let version = fields.remove(VERSION_FIELD).unwrap_or_default();
        if version != Self::VERSION {
            return Err(InvalidDocument::Version { found: version, kind: Self::KIND, wanted: Self::VERSION });
        }
        let document: Self = serde_json::from_value(value)?;
        document.check()?;
        Ok(document)
    }

    /// The digest of the canonical bytes.
    #[must_use]
    fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// The JSON Schema of the whole document, `kind` and `version` included.
    #[must_use]
    fn schema() -> Schema {
        let mut schema = schemars::schema_for!(Self);
        for (field, value) in [(KIND_FIELD, Value::from(Self::KIND)), (VERSION_FIELD, Value::from(Self::VERSION))] {
            let constant = Value::Object([("const".to_owned(), value)].into_iter().collect());
            if let Some(Value::Object(properties)) = schema.get_mut("properties") {
                properties.insert(field.to_owned(), constant);
            }
            if let Some(Value::Array(required)) = schema.get_mut("required") {
                required.push(field.into());
            }
        }
        schema
    }
}

/// Two parts of a document that do not fit together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{at}` {problem}")]
pub struct Inconsistent {
    /// The field that is wrong.
    pub at: String,
    /// What is wrong with it, continuing the sentence that `at` begins.
    pub problem: String,
}

impl Inconsistent {
    pub(crate) fn new(at: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { at: at.into(), problem: problem.into() }
    }
}

/// Why bytes are no document of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDocument {
    /// Larger than [`MAX_BYTES`].
    #[error("the document has {0} bytes; at most 8 MiB are read")]
    TooLarge(usize),
    /// JSON, but not an object.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// Another kind of document, or none.
    #[error("the document's `kind` is {found}, wanted is `{wanted}`")]
    Kind {
        /// What stands there.
        found: Value,
        /// What this program reads.
        wanted: &'static str,
    },
    /// A version that this program does not know.
    #[error("the {kind}'s `version` is {found}, this program reads {wanted}; build it again with the matching karsc")]
    Version {
        /// What stands there.
        found: Value,
        /// The kind of document.
        kind: &'static str,
        /// What this program reads.
        wanted: u32,
    },
    /// Not JSON, or not these fields.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// Every field is right by itself, but not together.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}

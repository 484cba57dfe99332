//! The only hash function of the project. Not here: what is hashed; see `document`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::text_newtype;

const PREFIX: &str = "sha256:";
const HEXADECIMAL: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// A SHA-256 digest, written as `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
pub struct Digest(String);

text_newtype!(Digest, InvalidDigest);

/// Why a text is no digest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a digest: write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct InvalidDigest(String);

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(PREFIX.len() + 64);
        text.push_str(PREFIX);
        // Formatting would take longer than hashing a line of the audit log does.
        for byte in Sha256::digest(bytes) {
            text.push(HEXADECIMAL[usize::from(byte >> 4)]);
            text.push(HEXADECIMAL[usize::from(byte & 15)]);
        }
        Self(text)
    }

    /// Reads a digest.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix(PREFIX) {
            Some(hex) if hex.len() == 64 && hex.bytes().all(hexadecimal) => Ok(Self(text.to_owned())),
            _ => Err(InvalidDigest(text.to_owned())),
        }
    }

    /// The 64 hexadecimal digits alone.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The first ten digits: enough to tell versions of one object apart in its name.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hex().get(..10).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        let empty = Digest::of(b"");
        assert_eq!(empty.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Digest::of(b"abc").short(), "ba7816bf8f");
        assert_eq!(Digest::parse(empty.as_str()), Ok(empty.clone()));
        for text in [empty.hex(), "sha256:", "sha512:00", &empty.as_str().to_uppercase(), &format!("{empty}0")] {
            assert!(Digest::parse(text).is_err(), "{text}");
        }
    }
}

//! Whom an agent may talk to. Not here: the wire format and the keys that open messages (`kars-mesh`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::id::RuleId;
use crate::name::Name;
use crate::text::text_newtype;

/// An agent's place in the mesh. Its own name is that of the document's identity.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Mesh {
    /// The relay's WebSocket.
    pub relay: Endpoint,
    /// The directory's base URL.
    pub registry: Endpoint,
    /// What binds a name to a key.
    pub identity: MeshIdentity,
    /// The keys that may bear a peer's or the own name, with `pinned` identity; otherwise empty.
    pub keys: BTreeMap<Name, BTreeSet<PublicKey>>,
    /// To whom it may start messages, by peer.
    pub outgoing: BTreeMap<Name, OutgoingLink>,
    /// Who may start messages to it, by peer.
    pub incoming: BTreeMap<Name, IncomingLink>,
}

/// What binds a name to a key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeshIdentity {
    /// Nothing; only for dev.
    Anonymous,
    /// A service-account token of the agent's namespace.
    Workload,
    /// Keys listed in the documents.
    Pinned,
}

/// A declared direction, as its sender knows it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OutgoingLink {
    /// The rule's stable name.
    pub id: RuleId,
    /// What the peer is said to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The files that may be sent along.
    pub files: BTreeSet<FilePattern>,
    /// Whether the peer may answer.
    pub replies: bool,
    /// How long the peer takes at most; the default of an await on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond_timeout_seconds: Option<u32>,
}

/// A declared direction, as its receiver knows it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IncomingLink {
    /// The rule's stable name.
    pub id: RuleId,
    /// The files that may come along.
    pub files: BTreeSet<FilePattern>,
    /// Whether it may answer.
    pub replies: bool,
}

/// A raw Ed25519 public key in standard, padded base64.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(String);

text_newtype!(PublicKey, InvalidPublicKey);

/// Why a text is no public key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a public key: write the 32 bytes of an Ed25519 key in padded base64")]
pub struct InvalidPublicKey(String);

impl PublicKey {
    /// Reads a key; whether it lies on the curve is for whoever uses it.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicKey> {
        // 32 bytes are 43 characters and one of padding; the last character carries four bits, so two must be zero.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let digits = text.strip_suffix('=').unwrap_or_default();
        let fits = digits.len() == 43
            && digits.bytes().all(plain)
            && digits.ends_with(|last| "AEIMQUYcgkosw048".contains(last));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidPublicKey(text.to_owned())) }
    }
}

/// Files below the agent's home folder: `incoming/*.png`. A `*` stands for any characters but `/`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePattern(String);

text_newtype!(FilePattern, InvalidFilePattern);

/// Why a text means no files.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a file pattern: write a relative path without `.` or `..`, such as `incoming/*.png`")]
pub struct InvalidFilePattern(String);

impl FilePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidFilePattern> {
        if is_relative(text) { Ok(Self(text.to_owned())) } else { Err(InvalidFilePattern(text.to_owned())) }
    }

    /// Whether the pattern means this path, which is relative to the agent's home folder.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let (mut patterns, mut parts) = (self.0.split('/'), path.split('/'));
        let depth = patterns.clone().count() == parts.clone().count();
        is_relative(path)
            && depth
            && patterns.all(|pattern| parts.next().is_some_and(|part| part_matches(pattern, part)))
    }
}

fn is_relative(path: &str) -> bool {
    let fits = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(|letter: char| letter.is_control() || letter == '\\')
    };
    path.len() <= 4096 && path.split('/').all(fits)
}

/// Matches one part of a path, taking each star's text as short as possible from the left; the last star takes the rest.
fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == part };
    let Some(mut left) = part.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = left.split_once(piece) else { return false };
        left = after;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder() {
        for (pattern, path, expected) in [
            ("incoming/analyst.json", "incoming/analyst.json", true),
            ("incoming/*.png", "incoming/scorecard.png", true),
            ("incoming/*.png", "incoming/a/b.png", false),
            ("incoming/*.png", "incoming/../secret.png", false),
            ("incoming/*.png", "/incoming/a.png", false),
            ("incoming/*", "incoming", false),
            ("*", "a", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("a*a", "a", false),
            ("**", "x", true),
        ] {
            assert_eq!(FilePattern::parse(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
        for text in ["", "/a", "a//b", "../a", "a/./b", "a/", "a\n"] {
            assert!(FilePattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_written_one_way() {
        assert!(PublicKey::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").is_ok());
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }
}

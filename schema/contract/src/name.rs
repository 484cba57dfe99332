//! Names of things in documents: agents, namespaces, deployments, secrets, ports. Not here: hosts and tools.

use std::num::NonZeroU16;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_newtype;

/// A TCP or UDP port; there is no port 0.
pub type Port = NonZeroU16;

/// The name of an agent, scenario, environment, link partner or model: a DNS label of at most 40 characters without `--`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 40, "pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
pub struct Name(String);

/// The name of a Kubernetes namespace: a DNS label of at most 63 characters.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 63, "pattern" = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
pub struct Namespace(String);

/// A model as an agent names it in a request: letters, digits, `.`, `_` and `-`, at most 64.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 64, "pattern" = "^[.]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
pub struct ModelName(String);

/// One key of one secret, `secret/key`: also the path of its file below the router's credentials folder.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[.]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"))]
pub struct SecretRef(String);

/// The id of an application or a tenant of Microsoft Entra, in lower case: `00000000-0000-0000-0000-000000000000`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 36, "pattern" = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"))]
pub struct Guid(String);

text_newtype!(Name, InvalidName);
text_newtype!(Guid, InvalidName);
text_newtype!(Namespace, InvalidName);
text_newtype!(ModelName, InvalidName);
text_newtype!(SecretRef, InvalidName);

/// Why a text is no name of its kind.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidName {
    /// Not a DNS label of at most 40 characters without `--`.
    #[error("`{0}` is not a name: use at most 40 lower-case letters, digits and single dashes between them")]
    Name(String),
    /// Not a DNS label.
    #[error("`{0}` is not a namespace: use at most 63 lower-case letters, digits and dashes between them")]
    Namespace(String),
    /// Not a model's name.
    #[error("`{0}` is not a model name: use at most 64 letters, digits, dots, underscores and dashes")]
    Model(String),
    /// Not `secret/key`.
    #[error("`{0}` is not a key of a secret: write `secret/key`")]
    Secret(String),
    /// Not a GUID.
    #[error("`{0}` is not a GUID: write `00000000-0000-0000-0000-000000000000`")]
    Guid(String),
}

impl Name {
    /// Reads a name; it is never changed.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if is_label(text, 40) && !text.contains("--") {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::Name(text.to_owned()))
        }
    }
}

impl Namespace {
    /// Reads a namespace; it is never changed.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if is_label(text, 63) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Namespace(text.to_owned())) }
    }

    /// The namespace of an agent, or of the mesh, of a scenario: `kars-<scenario>--<agent>`.
    pub fn of(scenario: &Name, agent: &Name) -> Result<Self, InvalidName> {
        Self::parse(&format!("kars-{scenario}--{agent}"))
    }
}

impl ModelName {
    /// Reads a model's name; it is never changed.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(is_file_byte);
        if fits && !is_dots(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Model(text.to_owned())) }
    }
}

impl From<Name> for ModelName {
    /// A logical name is also one that an agent may send.
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

impl SecretRef {
    /// Reads `secret/key`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let refused = || InvalidName::Secret(text.to_owned());
        let (secret, key) = text.split_once('/').ok_or_else(refused)?;
        let secret_fits = secret.len() <= 253 && secret.split('.').all(|label| is_label(label, 63));
        let key_fits = !key.is_empty() && key.len() <= 253 && key.bytes().all(is_file_byte) && !is_dots(key);
        if secret_fits && key_fits { Ok(Self(text.to_owned())) } else { Err(refused()) }
    }

    /// A key of a secret.
    pub fn of(secret: &str, key: &str) -> Result<Self, InvalidName> {
        Self::parse(&format!("{secret}/{key}"))
    }

    /// The secret's name.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(secret, _)| secret)
    }

    /// The key within the secret.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

impl Guid {
    /// Reads a GUID. Letters become lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
        let fits = |(at, byte): (usize, u8)| if is_dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
        if text.len() == 36 && text.bytes().enumerate().all(fits) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidName::Guid(text.to_owned()))
        }
    }
}

fn is_label(text: &str, longest: usize) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    !text.is_empty() && text.len() <= longest && plain && !text.starts_with('-') && !text.ends_with('-')
}

fn is_file_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn is_dots(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_strict() {
        let text = "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b11";
        assert_eq!(Guid::parse(&text.to_uppercase()).unwrap().as_str(), text);
        for text in [
            "",
            "6f0c7b5e3d0a4f579a580f0e2f5c1b11",
            "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b1",
            "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b1g",
            "6f0c7b5e-3d0a-4f57-9a58-0f0e2f5c1b1/",
            "common",
        ] {
            assert!(Guid::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_strict() {
        for text in ["a", "lead", "exec-brief-hermes", "0a", &"a".repeat(40)] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "A", "a_b", "-a", "a-", "a--b", "a.b", "ä", &"a".repeat(41)] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
        for text in ["", ".", "..", "a/b", "a b", "gpt-4?x=", "%2f", &"a".repeat(65)] {
            assert!(ModelName::parse(text).is_err(), "{text}");
        }
        for text in ["a", "a/", "/b", "a/b/c", "a/..", "../b", "A/b", "a/b c"] {
            assert!(SecretRef::parse(text).is_err(), "{text}");
        }
        let reference = SecretRef::of("model-credentials", "AZURE_OPENAI_API_KEY").unwrap();
        assert_eq!((reference.secret(), reference.key()), ("model-credentials", "AZURE_OPENAI_API_KEY"));
    }

    #[test]
    fn a_namespace_fits_a_label() {
        let long = Name::parse(&"a".repeat(40)).unwrap();
        assert!(Namespace::of(&long, &long).is_err());
        let namespace = Namespace::of(&Name::parse("brief").unwrap(), &Name::parse("lead").unwrap()).unwrap();
        assert_eq!(namespace.as_str(), "kars-brief--lead");
    }
}

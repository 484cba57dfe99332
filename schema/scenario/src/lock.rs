//! `karsc.lock`: what names stood for when it was written. Not here: asking a registry.

use std::collections::BTreeMap;

use kars_contract::digest::Digest;
use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::scenario::ApiVersion;
use crate::span::Spanned;

/// The kind of a lock file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum LockKind {
    Lock,
}

/// What names stood for when the lock was written.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lock {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `Lock`.
    pub kind: LockKind,
    /// The digest of every image, by `repository:tag`.
    #[serde(default)]
    pub images: BTreeMap<String, Spanned<ImageDigest>>,
    /// The digests of what scenarios are read with: `catalog` is the scenario's own folder, the others are built in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<String, Spanned<ImageDigest>>,
    /// Name and version of the KCL engine, for a scenario in KCL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kcl: Option<Spanned<String>>,
}

crate::text::text_type! {
    /// A digest, as registries write it.
    ImageDigest, "a digest", 71, "^sha256:[0-9a-f]{64}$",
    |text| text.parse::<Digest>().is_ok(),
    "write `sha256:` and 64 hexadecimal digits"
}

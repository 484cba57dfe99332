//! Presets: reviewed sets of hosts by name.

use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::egress::EgressHost;
use crate::environment::EnvironmentMetadata;
use crate::scenario::ApiVersion;
use crate::span::Spanned;

/// The kind of a preset file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PresetKind {
    Preset,
}

/// A reviewed set of hosts.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preset {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `Preset`.
    pub kind: PresetKind,
    /// The preset's name and what it is for.
    pub metadata: EnvironmentMetadata,
    /// The hosts.
    pub egress: Vec<Spanned<EgressHost>>,
}

//! Files that agents make.

use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::quantity::Size;
use crate::span::Spanned;

/// A file that an agent makes, relative to `/sandbox`.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifact {
    /// The path under `/sandbox`: `incoming/analyst.json`.
    pub path: Spanned<String>,
    /// What kind of file it is.
    #[serde(rename = "type")]
    pub kind: Spanned<ArtifactType>,
    /// The largest size: `4Ki`, `2Mi`.
    #[serde(default)]
    pub max_size: Option<Spanned<Size>>,
    /// A JSON Schema that a `json` file must satisfy, a file of the scenario's folder.
    #[serde(default)]
    pub schema: Option<Spanned<String>>,
    /// Pixels across, for pictures.
    #[serde(default)]
    pub width: Option<Spanned<u32>>,
    /// Pixels down, for pictures.
    #[serde(default)]
    pub height: Option<Spanned<u32>>,
    /// How many words a text has: `{ min: 600, max: 900 }`.
    #[serde(default)]
    pub words: Option<Range>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactType {
    Json,
    Markdown,
    Text,
    Csv,
    Html,
    Pdf,
    Png,
    Jpeg,
    Svg,
}

/// A count between two bounds, both included.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Range {
    /// At least so many.
    #[serde(default)]
    pub min: Option<Spanned<u32>>,
    /// At most so many.
    #[serde(default)]
    pub max: Option<Spanned<u32>>,
}

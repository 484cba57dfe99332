//! A file as a tree with places: what the YAML parser of `karsc_core::parse` makes and `Decode` reads.
//! Not here: YAML itself.

use crate::span::{Span, Spanned};

/// One value of a file.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

/// The shape of a value. Scalars keep their text, because only the field that reads them knows what they should be.
#[derive(Clone, Debug)]
pub enum Value {
    Scalar {
        text: String,
        /// Written without quotes, so that YAML may read it as something else than text.
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order written; the parser has already refused double keys.
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// The value under a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    /// The text, where this is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// What this is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain: true } if is_null(text) => "nothing",
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => "a boolean",
            Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// What YAML 1.2 core reads as null.
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

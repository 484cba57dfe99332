//! Newtypes over text with a syntax: checked once, where it is read.

/// Whether text is made of non-empty parts of allowed letters between single separators.
pub(crate) fn separated(text: &str, separators: &[char], allowed: fn(char) -> bool) -> bool {
    text.split(separators).all(|part| !part.is_empty() && part.chars().all(allowed))
}

/// Why a text is not of a type: too long, or with characters it may not have.
#[derive(Debug, thiserror::Error)]
pub enum InvalidText {
    #[error("at least 1 and at most {0} characters")]
    Length(usize),
    #[error("{0}")]
    Characters(&'static str),
}

/// Declares a text type: docs, name, what it is in messages, longest length, pattern for the schema, check, advice.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $longest:literal, $pattern:literal, $check:expr, $advice:literal) => {
        #[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        $(#[$doc])*
        pub struct $name(#[schemars(length(min = 1, max = $longest), regex(pattern = $pattern))] String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::text::InvalidText;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                if text.is_empty() || text.len() > $longest {
                    return Err(crate::text::InvalidText::Length($longest));
                }
                if !check(text) {
                    return Err(crate::text::InvalidText::Characters($advice));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl crate::decode::Decode for $name {
            fn decode(node: &crate::node::Node, found: &mut crate::diagnostic::Found) -> Option<Self> {
                crate::decode::parsed(node, $what, found)
            }
        }
    };
}
pub(crate) use text_type;

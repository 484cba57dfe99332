//! Where in the scenario each rule stands. Not here: any policy; a moved comment changes only this file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::id::RuleId;
use crate::text::text_newtype;

/// The scenario lines behind the rules of one router, so that a refusal can name the line that caused it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouterOrigins {
    /// Rule id to place.
    pub rules: BTreeMap<RuleId, Origin>,
}

impl Document for RouterOrigins {
    const KIND: &'static str = "RouterOrigins";
    const FILE: &'static str = "origins.json";
    const VERSION: u32 = 1;
}

/// A place in a scenario, `file:line:column`, both counted from 1; the file relative to the scenario's folder.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

text_newtype!(Origin, InvalidOrigin);

/// Why a text is no place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a place: write `file:line:column`, counted from 1")]
pub struct InvalidOrigin(String);

impl Origin {
    /// Reads a place.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let mut parts = text.rsplitn(3, ':');
        let (column, line, file) = (parts.next(), parts.next(), parts.next());
        let counted = |digits: Option<&str>| {
            digits.is_some_and(|digits| {
                digits.parse::<u32>().is_ok_and(|number| number > 0 && number.to_string() == digits)
            })
        };
        let named = file.is_some_and(|file| !file.is_empty() && !file.contains(char::is_control));
        if counted(column) && counted(line) && named {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidOrigin(text.to_owned()))
        }
    }

    /// A place from its parts.
    pub fn of(file: &str, line: u32, column: u32) -> Result<Self, InvalidOrigin> {
        Self::parse(&format!("{file}:{line}:{column}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_from_one() {
        assert_eq!(Origin::of("scenario.yaml", 31, 7).unwrap().as_str(), "scenario.yaml:31:7");
        assert!(Origin::parse("a:b/scenario.yaml:1:1").is_ok());
        for text in ["", "scenario.yaml", "scenario.yaml:1", "scenario.yaml:0:1", "scenario.yaml:1:01", ":1:1"] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}

//! Durations and sizes as people write them. Not here: clocks; moments are the contract's, since routers compare them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::decode::{Decode, parsed};
use crate::diagnostic::Found;
use crate::node::Node;

/// A length of time in whole seconds, written `30s`, `5m`, `1h` or `30d`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Duration {
    pub seconds: u32,
}

/// Bytes, written `512`, `4Ki`, `64Mi` or `2Gi`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size {
    pub bytes: u64,
}

/// A moment in UTC, written as RFC 3339 with `Z` and whole seconds: `2099-01-31T00:00:00Z`.
pub use kars_contract::instant::Instant as Moment;

/// Why a text is not such a quantity.
#[derive(Debug, thiserror::Error)]
pub enum InvalidQuantity {
    #[error("write a whole number above zero and one of s, m, h, d: `30s`, `5m`, `1h`, `30d`")]
    Duration,
    #[error("a duration ends within 10 years")]
    TooLong,
    #[error("write a whole number and one of Ki, Mi, Gi, or bytes alone: `4Ki`, `64Mi`")]
    Size,
}

/// Splits `30s` into number and unit. Digits alone, so no sign, point, exponent or leading zero slips through.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    (!number.starts_with('0') || number == "0").then_some(())?;
    Some((number.parse().ok()?, unit))
}

impl FromStr for Duration {
    type Err = InvalidQuantity;
    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        const LONGEST: u64 = 10 * 365 * 86_400;
        let (number, unit) = number_and_unit(text).ok_or(InvalidQuantity::Duration)?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(InvalidQuantity::Duration),
        };
        let seconds =
            number.checked_mul(factor).filter(|seconds| *seconds <= LONGEST).ok_or(InvalidQuantity::TooLong)?;
        match u32::try_from(seconds) {
            Ok(0) | Err(_) => Err(InvalidQuantity::Duration),
            Ok(seconds) => Ok(Self { seconds }),
        }
    }
}

impl fmt::Display for Duration {
    /// The largest unit that says it in whole numbers.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, unit) = [(86_400, "d"), (3_600, "h"), (60, "m")]
            .into_iter()
            .find(|(factor, _)| self.seconds.is_multiple_of(*factor))
            .unwrap_or((1, "s"));
        write!(formatter, "{}{unit}", self.seconds / factor)
    }
}

impl FromStr for Size {
    type Err = InvalidQuantity;
    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let (number, unit) = number_and_unit(text).ok_or(InvalidQuantity::Size)?;
        let factor = match unit {
            "" => 1,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return Err(InvalidQuantity::Size),
        };
        number.checked_mul(factor).map(|bytes| Self { bytes }).ok_or(InvalidQuantity::Size)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, unit) = [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")]
            .into_iter()
            .find(|(factor, _)| self.bytes > 0 && self.bytes.is_multiple_of(*factor))
            .unwrap_or((1, ""));
        write!(formatter, "{}{unit}", self.bytes / factor)
    }
}

/// What a quantity needs beside `FromStr` and `Display` to be read, printed and described.
macro_rules! quantity {
    ($name:ident, $what:literal, $pattern:literal, $description:literal) => {
        impl Decode for $name {
            fn decode(node: &Node, found: &mut Found) -> Option<Self> {
                parsed(node, $what, found)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $description, "type": "string", "pattern": $pattern })
            }
        }
    };
}
quantity!(
    Duration,
    "a duration",
    "^([1-9][0-9]{0,8}s|[1-9][0-9]{0,6}m|[1-9][0-9]{0,4}h|[1-9][0-9]{0,3}d)$",
    "A length of time: `30s`, `5m`, `1h`, `30d`."
);

impl Decode for Size {
    /// Bytes may be written as a number; with a unit it is text.
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        match node.text() {
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                u64::decode(node, found).map(|bytes| Self { bytes })
            }
            _ => parsed(node, "a size", found),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Bytes: `4Ki`, `64Mi`, `2Gi`, or a number.",
            "anyOf": [{ "type": "string", "pattern": "^(0|[1-9][0-9]{0,9})(Ki|Mi|Gi)$" }, { "type": "integer", "minimum": 0, "maximum": u64::MAX }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Size};

    #[test]
    fn quantities_print_as_they_are_written() {
        for text in ["30s", "5m", "1h", "30d"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        for text in ["512", "4Ki", "64Mi", "2Gi"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["", "30", "s", "0s", "01m", "-1s", "1.5h", "1e3s", "30S", "P1D", "99999999999d", "18446744073709551616s"]
        {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        for text in ["4k", "4KiB", "-1Ki", "1.5Gi", "99999999999999Gi"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}

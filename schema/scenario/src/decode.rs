//! Reading typed values from nodes: every fault is noted with its place, and reading goes on.
//! Not here: YAML (`karsc_core::parse`), and what values mean together (the rules).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

pub use kars_derive::Decode;

use crate::codes;
use crate::diagnostic::{Diagnostic, Found};
use crate::node::{Node, Value, is_null};
use crate::span::{Span, Spanned};
use crate::suggest::did_you_mean;

/// A value that can be read from a node of a file.
pub trait Decode: Sized {
    /// Reads the value, or notes every fault in it.
    fn decode(node: &Node, found: &mut Found) -> Option<Self>;
}

/// How many unknown fields of one map are named: more of them are another file, not a slip.
const MOST_UNKNOWN: usize = 20;

/// The entries of a map, taken one by one; what is left over at the end is unknown.
pub struct Fields<'a> {
    span: Span,
    entries: &'a [(Spanned<String>, Node)],
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens a map.
    pub fn open(node: &'a Node, found: &mut Found) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            found.lose(wrong_type(node, "a map"));
            return None;
        };
        Some(Self { span: node.span, entries, asked: Vec::new() })
    }

    /// The node of a field, where it is written.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    /// The place of a field's name, where it is written.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.entries.iter().find(|(name, _)| name.value == key).map(|(name, _)| name.span)
    }

    /// A field that must be written.
    pub fn required<T: Decode>(&mut self, key: &'static str, found: &mut Found) -> Option<T> {
        if let Some(node) = self.node(key) {
            return T::decode(node, found);
        }
        found.lose(
            Diagnostic::error(codes::MISSING_FIELD, self.span, format!("the field `{key}` is missing"))
                .help(format!("add `{key}`")),
        );
        None
    }

    /// A field that may be left out.
    pub fn or_default<T: Decode + Default>(&mut self, key: &'static str, found: &mut Found) -> Option<T> {
        match self.node(key) {
            Some(node) => T::decode(node, found),
            None => Some(T::default()),
        }
    }

    /// Notes every entry that nothing asked for.
    pub fn close(self, found: &mut Found) {
        let mut unknown = self.entries.iter().filter(|(name, _)| !self.asked.contains(&name.value.as_str()));
        for (name, _) in unknown.by_ref().take(MOST_UNKNOWN) {
            let help = did_you_mean(&name.value, self.asked.iter().copied())
                .unwrap_or_else(|| format!("known here: {}", listed(&self.asked)));
            found.push(
                Diagnostic::error(codes::UNKNOWN_FIELD, name.span, format!("unknown field `{}`", name.value))
                    .help(help),
            );
        }
        if let Some((name, _)) = unknown.next() {
            let message = format!("{} more fields are unknown here", unknown.count() + 1);
            found.push(Diagnostic::error(codes::UNKNOWN_FIELD, name.span, message).help("remove them"));
        }
    }
}

/// One of a few words.
pub fn choice<'n>(node: &'n Node, choices: &'static [&'static str], found: &mut Found) -> Option<&'n str> {
    let text = text(node, found)?;
    if choices.contains(&text) {
        return Some(text);
    }
    let help = did_you_mean(text, choices.iter().copied()).unwrap_or_else(|| format!("use one of {}", listed(choices)));
    found.lose(Diagnostic::error(codes::UNKNOWN_CHOICE, node.span, format!("`{text}` is not known here")).help(help));
    None
}

/// Text as written, refused where YAML 1.1 would read it as something else.
pub fn text<'n>(node: &'n Node, found: &mut Found) -> Option<&'n str> {
    let Value::Scalar { text, plain } = &node.value else {
        found.lose(wrong_type(node, "text"));
        return None;
    };
    if *plain && crate::plain::reads_as_other_than_text(text) {
        found.lose(
            Diagnostic::error(
                codes::UNQUOTED_TEXT,
                node.span,
                format!("`{text}` is read as {}, not as text", node.kind_in_yaml_1_1()),
            )
            .help(format!("quote it: \"{text}\"")),
        );
        return None;
    }
    Some(text)
}

/// Text with a syntax of its own.
pub fn parsed<T: FromStr<Err: Display>>(node: &Node, what: &str, found: &mut Found) -> Option<T> {
    let text = text(node, found)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            found.lose(
                Diagnostic::error(codes::MALFORMED, node.span, format!("`{text}` is not {what}"))
                    .label(error.to_string()),
            );
            None
        }
    }
}

/// Says what stands where something else is wanted.
pub fn wrong_type(node: &Node, wanted: &str) -> Diagnostic {
    let help = match wanted {
        "a list" => "write the items in brackets or after dashes",
        "a map" => "write fields, as `name: value`",
        "text" => "write one word or a line in quotes",
        "a boolean" => "write `true` or `false`",
        _ => "write digits alone, without sign, leading zero, point, exponent or quotes",
    };
    Diagnostic::error(codes::WRONG_TYPE, node.span, format!("expected {wanted}, found {}", node.kind())).help(help)
}

fn listed(names: &[&str]) -> String {
    let mut names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    names.join(", ")
}

impl Decode for String {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        text(node, found).map(str::to_owned)
    }
}

impl Decode for bool {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                found.lose(wrong_type(node, "a boolean"));
                None
            }
        }
    }
}

/// Reads a whole number, or says which numbers fit.
fn whole_number<T: FromStr + Display>(node: &Node, bounds: RangeInclusive<T>, found: &mut Found) -> Option<T> {
    let Value::Scalar { text, plain: true } = &node.value else {
        found.lose(wrong_type(node, "a whole number"));
        return None;
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if digits.is_empty() || !canonical {
        found.lose(wrong_type(node, "a whole number"));
        return None;
    }
    text.parse().ok().or_else(|| {
        let help = format!("use a number from {} to {}", bounds.start(), bounds.end());
        found.lose(Diagnostic::error(codes::OUT_OF_RANGE, node.span, format!("`{text}` is out of range")).help(help));
        None
    })
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Decode for $number {
            fn decode(node: &Node, found: &mut Found) -> Option<Self> {
                whole_number(node, Self::MIN..=Self::MAX, found)
            }
        }
    )*};
}
whole_numbers!(u8, u16, u32, u64, i64);

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        T::decode(node, found).map(|value| Self::new(value, node.span))
    }
}

/// What is written is there; only a field that is left out is not.
impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        T::decode(node, found).map(Some)
    }
}

impl<T: Decode> Decode for Vec<T> {
    /// Reads what can be read: one faulty item does not hide the faults of the next.
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        let Value::List(items) = &node.value else {
            found.lose(wrong_type(node, "a list"));
            return None;
        };
        Some(items.iter().filter_map(|item| T::decode(item, found)).collect())
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            found.lose(wrong_type(node, "a map"));
            return None;
        };
        Some(entries.iter().filter_map(|(key, node)| Some((key.value.clone(), T::decode(node, found)?))).collect())
    }
}

/// Free JSON, for merge patches: read by the core schema of YAML 1.2.
impl Decode for serde_json::Value {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        Some(match &node.value {
            Value::Scalar { text, plain: true } if is_null(text) => Self::Null,
            Value::Scalar { text, plain: true } if text == "true" => Self::Bool(true),
            Value::Scalar { text, plain: true } if text == "false" => Self::Bool(false),
            Value::Scalar { text: digits, plain: true } if looks_like_number(digits) => {
                serde_json::from_str(digits).ok().or_else(|| text(node, found).map(Self::from))?
            }
            Value::Scalar { .. } => Self::from(text(node, found)?),
            Value::List(items) => items.iter().filter_map(|item| Self::decode(item, found)).collect(),
            Value::Map(entries) => {
                entries.iter().filter_map(|(key, node)| Some((key.value.clone(), Self::decode(node, found)?))).collect()
            }
        })
    }
}

fn looks_like_number(text: &str) -> bool {
    text.bytes().next().is_some_and(|first| first.is_ascii_digit() || first == b'-')
}

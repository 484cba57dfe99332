//! Which unquoted words YAML 1.1 readers take for something else than text. Such a word is an error where text is meant,
//! so that a file means the same to every tool.

use crate::node::{Node, Value, is_null};

/// Whether some YAML reader takes this unquoted word for null, a boolean, a number or a time.
pub fn reads_as_other_than_text(word: &str) -> bool {
    is_null(word) || is_boolean(word) || is_number(word) || is_time(word)
}

impl Node {
    /// What a YAML 1.1 reader takes this for, for messages.
    pub(crate) fn kind_in_yaml_1_1(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain: true } if is_null(text) => "null",
            Value::Scalar { text, plain: true } if is_boolean(text) => "a boolean",
            Value::Scalar { text, plain: true } if is_time(text) => "a time",
            Value::Scalar { text, plain: true } if is_number(text) => "a number",
            _ => self.kind(),
        }
    }
}

/// <https://yaml.org/type/bool.html>: the words, in lower, upper and title case.
fn is_boolean(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let cased = word == lower || word == word.to_ascii_uppercase() || is_title(word);
    cased && matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false")
}

fn is_title(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.chars().skip(1).all(|next| next.is_ascii_lowercase())
}

/// <https://yaml.org/type/int.html> and `float.html`, 1.1 and 1.2 together: signs, underscores, other bases, base 60.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return true;
    }
    let Some(first) = unsigned.bytes().next() else { return false };
    let point = first == b'.' && unsigned.len() > 1 && unsigned.as_bytes()[1].is_ascii_digit();
    if !first.is_ascii_digit() && !point {
        return false;
    }
    let plain = unsigned.replace('_', "");
    for (prefix, digits) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = plain.strip_prefix(prefix) {
            return !rest.is_empty() && rest.chars().all(|digit| digit.is_digit(digits));
        }
    }
    plain.parse::<f64>().is_ok() || is_base_sixty(&plain)
}

fn is_base_sixty(word: &str) -> bool {
    word.contains(':') && word.split(':').all(|part| !part.is_empty() && part.parse::<f64>().is_ok())
}

/// <https://yaml.org/type/timestamp.html>: a date. With a time of day it is one as well, but no field of ours that takes
/// a moment takes anything else, so only the bare date is refused.
fn is_time(word: &str) -> bool {
    let parts: Vec<_> = word.split('-').collect();
    matches!(parts.as_slice(), [year, month, day] if year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len()))
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::reads_as_other_than_text;

    #[test]
    fn words_that_change_their_meaning_are_known() {
        for word in [
            "no",
            "on",
            "Off",
            "YES",
            "y",
            "~",
            "null",
            "",
            "12",
            "-1",
            "0777",
            "0o17",
            "1_000",
            "1e3",
            ".inf",
            ".5",
            "12:30:45",
            "2024-01-01",
            "0x1F",
        ] {
            assert!(reads_as_other_than_text(word), "{word}");
        }
        for word in [
            "nope",
            "yEs",
            "v1",
            "1.2.3",
            "30s",
            "64Mi",
            "0.15.2",
            "gpt-5.4",
            "a:b",
            "_1",
            "-",
            ".",
            "2099-01-31T00:00:00Z",
            "10.0.0.10",
        ] {
            assert!(!reads_as_other_than_text(word), "{word}");
        }
    }
}

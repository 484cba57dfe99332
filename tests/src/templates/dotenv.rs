//! A reader of `.env` files as `python-dotenv` reads them: comments, bare values, values in single quotes over several
//! lines in which `\\` and `\'` are the only escapes. Not here: double quotes and expansion, which karsc never writes.

use serde_json::{Map, Value};

pub(super) fn read(text: &str) -> Value {
    let mut variables = Map::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
            continue;
        }
        let (name, value) = rest.split_once('=').expect("a line is NAME=VALUE");
        assert!(name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'));
        let (value, after) = match value.strip_prefix('\'') {
            Some(quoted) => single_quoted(quoted),
            None => value.split_once('\n').map_or((value.to_owned(), ""), |(bare, after)| (bare.to_owned(), after)),
        };
        let before = variables.insert(name.to_owned(), Value::String(value));
        assert!(before.is_none(), "`{name}` is written twice");
        rest = after.trim_start();
    }
    Value::Object(variables)
}

/// The value, and what follows the closing quote.
fn single_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return (value, &text[at + 1..]),
            '\\' if letters.peek().is_some_and(|(_, next)| matches!(next, '\\' | '\'')) => {
                value.extend(letters.next().map(|(_, next)| next));
            }
            _ => value.push(letter),
        }
    }
    panic!("a quote is not closed: {text}")
}

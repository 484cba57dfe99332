//! Whether an argument is what a rule means. What cannot be told counts against the call.
//!
//! Not here: which rule wins (`tools`).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::permits::Arguments;
use crate::router::{ArgumentMatcher, When};

/// Programs that run other programs, so that their own name says little.
const WRAPPERS: [&str; 24] = [
    "ash", "bash", "builtin", "busybox", "command", "dash", "doas", "env", "eval", "exec", "find", "ksh", "nice",
    "nohup", "parallel", "setsid", "sh", "stdbuf", "su", "sudo", "time", "timeout", "xargs", "zsh",
];

/// Whether a call is meant by a rule.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Fit {
    /// It is not.
    No,
    /// It cannot be told: an allow must not count it, a deny and a limit must.
    Unsure,
    /// It is.
    Yes,
}

/// Whether a call is meant: every condition must fit, and the least sure one decides.
pub(super) fn fits(when: &When, args: &Arguments) -> Fit {
    let each = when.args.iter().map(|(name, matcher)| args.get(name).map_or(Fit::No, |value| fit(matcher, value)));
    each.min().unwrap_or(Fit::Yes)
}

/// Whether every call that `narrow` means, surely or perhaps, is meant by `wide` just as surely.
pub(super) fn covers(wide: &When, narrow: &When) -> bool {
    wide.args.iter().all(|(name, matcher)| narrow.args.get(name).is_some_and(|other| matcher_covers(matcher, other)))
}

fn matcher_covers(wide: &ArgumentMatcher, narrow: &ArgumentMatcher) -> bool {
    use ArgumentMatcher::{Max, OneOf, Prefix, Program, Under};
    match (wide, narrow) {
        (Program(wide), Program(narrow)) | (OneOf(wide), OneOf(narrow)) => narrow.is_subset(wide),
        (Under(wide), Under(narrow)) => is_under(wide, narrow) == Fit::Yes,
        (Prefix(wide), Prefix(narrow)) => narrow.starts_with(wide.as_str()),
        (Max(wide), Max(narrow)) => narrow <= wide,
        (Program(_) | Under(_) | OneOf(_) | Prefix(_) | Max(_), _) => false,
    }
}

fn fit(matcher: &ArgumentMatcher, value: &Value) -> Fit {
    match (matcher, value) {
        (ArgumentMatcher::Program(names), Value::String(line)) => programs_of_line(names, line),
        (ArgumentMatcher::Program(names), Value::Array(words)) => program_of_words(names, words),
        (ArgumentMatcher::Under(folder), Value::String(path)) => is_under(folder, path),
        (ArgumentMatcher::OneOf(texts), Value::String(text)) => sure(texts.contains(text)),
        (ArgumentMatcher::Prefix(prefix), Value::String(text)) => sure(text.starts_with(prefix.as_str())),
        (ArgumentMatcher::Max(most), Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => sure(number <= *most),
            (None, Some(_negative)) => Fit::Yes,
            (None, None) => Fit::Unsure,
        },
        _ => Fit::Unsure,
    }
}

fn sure(flag: bool) -> Fit {
    if flag { Fit::Yes } else { Fit::No }
}

/// Whether a path names one place whatever the working folder is: absolute, no `.`, `..` or empty part.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let parts = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    parts.is_some_and(|parts| parts.is_empty() || parts.split('/').all(plain))
}

fn is_under(folder: &str, path: &str) -> Fit {
    if !is_plain_path(path) {
        return Fit::Unsure;
    }
    let (folder, path) = (folder.trim_end_matches('/'), path.trim_end_matches('/'));
    sure(path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn program_of_words(names: &BTreeSet<String>, words: &[Value]) -> Fit {
    match words.first() {
        Some(Value::String(program)) => program_fits(names, program),
        _ => Fit::Unsure,
    }
}

fn program_fits(names: &BTreeSet<String>, program: &str) -> Fit {
    if names.contains(program) {
        return Fit::Yes;
    }
    let base = program.rsplit('/').next().unwrap_or(program);
    // Another file may bear the same name, and a wrapper may run anything.
    if names.contains(base) || WRAPPERS.contains(&base) || base.is_empty() { Fit::Unsure } else { Fit::No }
}

/// All programs that a command line runs: all of them named, none of them, or something between.
fn programs_of_line(names: &BTreeSet<String>, line: &str) -> Fit {
    let Some(commands) = split_commands(line) else { return Fit::Unsure };
    let each: BTreeSet<Fit> = commands.iter().map(|command| program_fits(names, command)).collect();
    match (each.first(), each.last()) {
        (Some(least), Some(most)) if least == most => *least,
        _ => Fit::Unsure,
    }
}

/// The first word of every command of a line; `None` where a shell would do more than run plain words.
fn split_commands(line: &str) -> Option<Vec<String>> {
    let mut commands = Vec::new();
    let (mut words, mut word) = (0, String::new());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => word.push_str(&quoted(&mut letters, '\'')?),
            '"' => word.push_str(&quoted(&mut letters, '"')?),
            ' ' | '\t' => end_word(&mut word, &mut words, &mut commands)?,
            ';' | '&' | '|' | '\n' => {
                end_word(&mut word, &mut words, &mut commands)?;
                words = 0;
            }
            '$' | '`' | '(' | ')' | '{' | '}' | '<' | '>' | '\\' | '!' | '#' | '*' | '?' | '[' | '~' => return None,
            _ if letter.is_control() => return None,
            _ => word.push(letter),
        }
    }
    end_word(&mut word, &mut words, &mut commands)?;
    Some(commands)
}

fn quoted(letters: &mut std::str::Chars<'_>, quote: char) -> Option<String> {
    let mut text = String::new();
    loop {
        match letters.next()? {
            letter if letter == quote => return Some(text),
            '$' | '`' | '\\' if quote == '"' => return None,
            letter => text.push(letter),
        }
    }
}

fn end_word(word: &mut String, words: &mut usize, commands: &mut Vec<String>) -> Option<()> {
    if word.is_empty() {
        return Some(());
    }
    if *words == 0 {
        // `NAME=value program` changes what the program is.
        if word.contains('=') {
            return None;
        }
        commands.push(word.clone());
    }
    *words += 1;
    word.clear();
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use Fit::{No, Unsure, Yes};

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn programs() {
        let git_and_ls = ArgumentMatcher::Program(set(&["git", "ls"]));
        for (value, expected) in [
            (json!("git status"), Yes),
            (json!("git commit -m 'a; rm -rf /'"), Yes),
            (json!("git log | ls; git status && ls"), Yes),
            (json!("'git' status"), Yes),
            (json!("rm -rf /"), No),
            (json!("rm a; mv b c"), No),
            (json!("git status; rm -rf /"), Unsure),
            (json!("git status\nrm -rf /"), Unsure),
            (json!("git log & rm x"), Unsure),
            (json!("git $(rm x)"), Unsure),
            (json!("git \"$(rm x)\""), Unsure),
            (json!("g\\it status"), Unsure),
            (json!("git status > /etc/passwd"), Unsure),
            (json!("PATH=/tmp git status"), Unsure),
            (json!("/tmp/git status"), Unsure),
            (json!("sh -c 'rm x'"), Unsure),
            (json!("git 'unclosed"), Unsure),
            (json!(""), Unsure),
            (json!(7), Unsure),
            (json!(["git", "a; rm"]), Yes),
            (json!(["rm", "git"]), No),
            (json!(["env", "rm"]), Unsure),
            (json!([]), Unsure),
        ] {
            assert_eq!(fit(&git_and_ls, &value), expected, "{value}");
        }
    }

    #[test]
    fn paths() {
        let under = ArgumentMatcher::Under("/sandbox/incoming".to_owned());
        for (path, expected) in [
            ("/sandbox/incoming", Yes),
            ("/sandbox/incoming/", Yes),
            ("/sandbox/incoming/a/b", Yes),
            ("/sandbox/incomings/a", No),
            ("/etc/passwd", No),
            ("/", No),
            ("/sandbox/incoming/../x", Unsure),
            ("/sandbox/incoming/./x", Unsure),
            ("/sandbox//incoming/x", Unsure),
            ("incoming/x", Unsure),
            ("~/x", Unsure),
            ("", Unsure),
            ("/sandbox/incoming/a\0", Unsure),
        ] {
            assert_eq!(fit(&under, &json!(path)), expected, "{path}");
        }
        assert_eq!(fit(&ArgumentMatcher::Under("/".to_owned()), &json!("/a")), Yes);
    }

    #[test]
    fn texts_and_numbers() {
        for (matcher, value, expected) in [
            (ArgumentMatcher::OneOf(set(&["a", "1"])), json!("a"), Yes),
            (ArgumentMatcher::OneOf(set(&["a", "1"])), json!("b"), No),
            (ArgumentMatcher::OneOf(set(&["a", "1"])), json!(1), Unsure),
            (ArgumentMatcher::Prefix("https://a/".to_owned()), json!("https://a/b"), Yes),
            (ArgumentMatcher::Prefix("https://a/".to_owned()), json!("https://ab"), No),
            (ArgumentMatcher::Prefix("a".to_owned()), json!(["a"]), Unsure),
            (ArgumentMatcher::Max(10), json!(10), Yes),
            (ArgumentMatcher::Max(10), json!(-1), Yes),
            (ArgumentMatcher::Max(10), json!(11), No),
            (ArgumentMatcher::Max(10), json!(10.0), Unsure),
            (ArgumentMatcher::Max(10), json!("10"), Unsure),
        ] {
            assert_eq!(fit(&matcher, &value), expected, "{matcher:?} {value}");
        }
    }

    fn any_matcher() -> impl Strategy<Value = ArgumentMatcher> {
        let names = || prop::collection::btree_set("git|ls|rm|sh|a", 1..3);
        prop_oneof![
            names().prop_map(ArgumentMatcher::Program),
            names().prop_map(ArgumentMatcher::OneOf),
            "/(a(/b(/c)?)?)?".prop_map(ArgumentMatcher::Under),
            "[ab]{0,2}".prop_map(ArgumentMatcher::Prefix),
            (0..4_u64).prop_map(ArgumentMatcher::Max),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "((git|ls|rm|sh|a)( |;|/|\\$)?){0,3}".prop_map(Value::from),
            "(/|a|b|c|\\.\\.){0,6}".prop_map(Value::from),
            (-1..6_i64).prop_map(Value::from),
            prop::collection::vec("git|rm", 0..2).prop_map(Value::from),
            Just(Value::Null),
        ]
    }

    proptest! {
        #[test]
        fn what_is_covered_fits_as_surely(wide in any_matcher(), narrow in any_matcher(), value in any_value()) {
            if matcher_covers(&wide, &narrow) {
                prop_assert!(fit(&narrow, &value) <= fit(&wide, &value));
            }
        }
    }
}

//! The canonical layout of YAML files, comments kept. Formatting never changes what a file means: that is checked on every
//! file. Not here: writing files.

use granit_parser::{Event, Options, Parser};
use kars_scenario::diagnostic::Found;
use kars_scenario::node::{Node, Value};
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions};

use crate::inspect::inspect_parsed;
use crate::parse::{Input, is_yaml, node_of, text};
use crate::policy_tests;
use crate::sources::{Files, Source, Sources};

/// How wide a line may become before a list or map in it is broken.
const WIDTH: usize = 150;
/// How often a text is laid out until it stays as it is.
const MOST_ROUNDS: usize = 4;
/// Folders beside a scenario whose YAML files belong to it.
const FOLDERS: [&str; 2] = ["environments", policy_tests::FOLDER];

/// A file as it is and as it should be.
#[derive(Clone, Debug)]
pub struct Formatted {
    /// The text as it is, without a byte-order mark and with `\n` line ends.
    pub before: String,
    pub after: String,
}

/// The layout would have changed what a file means, or lost a comment. That is a fault of karsc.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unfaithful {
    #[error("formatting would change what it means")]
    Meaning,
    #[error("formatting would lose or move a comment")]
    Comments,
    #[error("formatting does not come to an end")]
    Endless,
}

/// The YAML files that belong to a scenario: its own, what it includes, its environments and tests.
pub fn paths(input: &Input, files: &dyn Files) -> Vec<String> {
    let read = inspect_parsed(input, files, |_, _, _| Some(())).sources;
    let own = read.iter().map(|source| source.path.clone()).filter(|path| !path.starts_with(['<', '.']));
    let beside = FOLDERS.iter().flat_map(|folder| files.list(folder));
    let mut paths: Vec<_> = own.chain(beside).filter(|path| path == "-" || is_yaml(path)).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Lays out one file. Nothing comes back where it is not YAML, which has been noted.
pub fn format(
    path: &str,
    bytes: Vec<u8>,
    sources: &mut Sources,
    found: &mut Found,
) -> Option<Result<Formatted, Unfaithful>> {
    let mut noted = Found::default();
    let Some(file) = text::keep(path, bytes.clone(), sources, &mut noted) else {
        found.extend(noted);
        return None;
    };
    node_of(file, sources, found)?;
    // What was kept may have stars in the place of a secret, which must not be written over the real one. That a secret
    // stands there is for `check` to report.
    let raw = String::from_utf8(bytes).expect("it was kept");
    let before = raw.strip_prefix('\u{feff}').unwrap_or(&raw).replace("\r\n", "\n");
    let meant = read(&before)?;
    Some(laid_out(&before, &meant).map(|after| Formatted { before, after }))
}

/// The tree of a text that has no file.
fn read(text: &str) -> Option<Node> {
    let mut sources = Sources::default();
    let file = sources.add(Source { path: String::new(), text: text.to_owned(), evaluated: false });
    node_of(file, &sources, &mut Found::default())
}

fn laid_out(before: &str, meant: &Node) -> Result<String, Unfaithful> {
    let options = options();
    let mut text = before.to_owned();
    for _ in 0..MOST_ROUNDS {
        let next = pretty_yaml::format_text(&text, &options).map_err(|_| Unfaithful::Meaning)?;
        if next == text {
            return Ok(text);
        }
        if !read(&next).is_some_and(|read| same(&read, meant)) {
            return Err(Unfaithful::Meaning);
        }
        if comments(&next) != comments(before) {
            return Err(Unfaithful::Comments);
        }
        text = next;
    }
    Err(Unfaithful::Endless)
}

fn options() -> FormatOptions {
    FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() },
        language: LanguageOptions { trailing_comma: false, format_comments: false, ..LanguageOptions::default() },
    }
}

/// Whether two trees say the same. A scalar that gains or loses quotes may be read as something else.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::Scalar { .. }, Value::Scalar { .. }) => left.text() == right.text() && left.kind() == right.kind(),
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| left.0 == right.0 && same(&left.1, &right.1))
        }
        (Value::Scalar { .. } | Value::List(_) | Value::Map(_), _) => false,
    }
}

/// The comments of a text, in their order.
fn comments(text: &str) -> Vec<String> {
    let mut options = Options::default();
    options.emit_comments = true;
    let events = Parser::new_from_str_with_options(text, options).filter_map(Result::ok);
    events
        .filter_map(|(event, _)| match event {
            Event::Comment(comment, ..) => Some(comment.trim().to_owned()),
            _ => None,
        })
        .collect()
}

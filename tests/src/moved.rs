//! What a scenario looks like does not matter, only what it says: comments, blank lines, the order of keys, quotes and the
//! split into files change neither the content digest nor any manifest. Not here: KCL, which needs an engine.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kars_contract::digest::Digest;
use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use proptest::prelude::*;

use crate::support::{Collected, Disk, Memory, as_of, files_under, root};

/// Files that say where something was written; `bundle.json` has their hashes.
const TELL_PLACES: [&str; 4] = ["32-origins.yaml", "sourcemap.json", "provenance.json", "bundle.json"];
/// Top-level keys that an included file may hold.
const INCLUDABLE: [&str; 7] = ["models", "mcpServers", "memories", "rules", "agents", "links", "exceptions"];

/// A choice of looks for a scenario.
#[derive(Clone, Debug)]
struct Look {
    /// Keys to sort the sections of the file by.
    order: Vec<u64>,
    /// Which sections move to an included file.
    moved: Vec<bool>,
    /// What comes before each line: nothing, a comment or a blank line.
    before: Vec<u8>,
    /// How the text at the end of each line is quoted: not, double or single.
    quotes: Vec<u8>,
}

fn look() -> impl Strategy<Value = Look> {
    let many = |high: u8| prop::collection::vec(0..high, 200);
    (prop::collection::vec(any::<u64>(), 100), prop::collection::vec(any::<bool>(), 100), many(4), many(3))
        .prop_map(|(order, moved, before, quotes)| Look { order, moved, before, quotes })
}

fn folder() -> Memory {
    let folder = root().join("examples/scenarios/exec-brief-hermes");
    files_under(&folder)
        .into_iter()
        .fold(Memory::default(), |files, path| files.with(&path, std::fs::read(folder.join(&path)).unwrap()))
}

/// The digest and the files of a build, without those that tell places.
type Meaning = (Digest, BTreeMap<String, Vec<u8>>);

/// The example as it is written.
static WRITTEN: LazyLock<Meaning> = LazyLock::new(|| meaning(&folder()));

fn meaning(files: &Memory) -> Meaning {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "aks".to_owned() };
    let output = Collected::default();
    let compilation = compile(&input, as_of(), files, &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    let text = String::from_utf8_lossy(&files.0["scenario.yaml"]).into_owned();
    let bundle = compilation.bundle.unwrap_or_else(|| panic!("{printed}\n{text}"));
    let mut built = output.files();
    built.retain(|path, _| !TELL_PLACES.iter().any(|file| path.ends_with(file)));
    (bundle.content, built)
}

/// The blocks of a text that start at this depth of indentation, each with the comments before it.
fn sections(text: &str, depth: usize) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in text.lines() {
        let starts =
            line.len() > depth && line[..depth].trim().is_empty() && line[depth..].starts_with(char::is_alphabetic);
        if starts && !sections.last().unwrap().is_empty() {
            sections.push(String::new());
        }
        let last = sections.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    sections
}

/// Maps whose entries may stand in any order: the file itself, and the agents.
fn reordered(text: &str, order: &[u64]) -> Vec<String> {
    let by_order = |mut parts: Vec<String>| {
        let mut keys = order.iter().cycle();
        parts.sort_by_cached_key(|_| *keys.next().unwrap());
        parts
    };
    let parts = sections(text, 0).into_iter().map(|section| match section.split_once("agents:\n") {
        Some(("", agents)) => format!("agents:\n{}", by_order(sections(agents, 2)).concat()),
        _ => section,
    });
    by_order(parts.collect())
}

fn key_of(section: &str) -> &str {
    section.split(':').next().unwrap()
}

/// Quotes text that ends a line, where quotes change nothing: values of keys that hold text.
fn quoted(line: &str, style: u8) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let is_text = value.starts_with(char::is_alphabetic) && !value.contains(['"', '\'', '#', '{', '[', ']', '}']);
    match style {
        1 if is_text => format!("{key}: \"{value}\""),
        2 if is_text => format!("{key}: '{value}'"),
        _ => line.to_owned(),
    }
}

fn dressed(text: &str, look: &Look) -> String {
    let (mut before, mut quotes) = (look.before.iter().cycle(), look.quotes.iter().cycle());
    text.lines()
        .map(|line| {
            let extra = match before.next().unwrap() {
                1 => "   # a note: { in: [between] }\n",
                2 => "\n",
                _ => "",
            };
            format!("{extra}{}\n", quoted(line, *quotes.next().unwrap()))
        })
        .collect()
}

/// The same scenario in another look.
fn looking(files: &Memory, look: &Look) -> Memory {
    let bare: String = String::from_utf8(files.0["scenario.yaml"].clone())
        .unwrap()
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let mut moves = look.moved.iter().cycle();
    let (away, kept): (Vec<_>, Vec<_>) = reordered(&bare, &look.order)
        .into_iter()
        .partition(|section| *moves.next().unwrap() && INCLUDABLE.contains(&key_of(section)));
    if away.is_empty() {
        return files.clone().with("scenario.yaml", dressed(&kept.concat(), look));
    }
    let kept = format!("include: [parts/moved.yaml]\n{}", kept.concat());
    files.clone().with("parts/moved.yaml", dressed(&away.concat(), look)).with("scenario.yaml", dressed(&kept, look))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn looks_change_no_manifest(look in look()) {
        let (digest, built) = &*WRITTEN;
        let (other_digest, other) = meaning(&looking(&folder(), &look));
        prop_assert_eq!(built.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (path, bytes) in built {
            prop_assert!(bytes == &other[path], "{} differs", path);
        }
        prop_assert_eq!(digest, &other_digest);
    }
}

/// Agents are rendered in whatever order threads come to them.
#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = root().join("examples/scenarios/exec-brief-hermes");
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "aks".to_owned() };
    let built = [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let output = Collected::default();
        pool.install(|| compile(&input, as_of(), &Disk(folder.clone()), &output)).unwrap();
        output.files()
    });
    assert!(!built[0].is_empty() && built[0] == built[1] && built[1] == built[2]);
}

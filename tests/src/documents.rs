//! The documents that people read: every whole scenario in them builds without a word, every link leads somewhere.
//! Not here: what is generated (`docs/reference`), and the pages of codes.
//!
//! In README and `docs`, `yaml scenario` opens a whole scenario (`-e NAME` picks the environment); blocks with `file=PATH`
//! before it are further files of its folder; `text tree` after it lists the files of its bundle, one a line.

use std::collections::BTreeSet;

use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};

use crate::pages::{Block, blocks};
use crate::support::{Collected, Memory, as_of, files_under, root};

/// A newcomer reads it in one go.
const LONGEST_README: usize = 150;

/// Every document by hand, from the root of the repository.
fn documents() -> Vec<(String, String)> {
    let top = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let inner = files_under(&root().join("docs")).into_iter().map(|path| format!("docs/{path}"));
    let mut paths: Vec<_> = top.chain(inner).filter(|path| is_document(path)).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(root().join(&path)).unwrap())).collect()
}

fn is_document(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|ending| ending == "md") && !path.starts_with("docs/reference/")
}

/// Builds the scenario of a block; every file beside it must be of use.
fn build(path: &str, block: &Block, beside: &Memory) -> BTreeSet<String> {
    let environment = block.words.split_whitespace().skip_while(|word| *word != "-e").nth(1).unwrap_or("kind");
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: environment.to_owned() };
    let files = beside.clone().with("scenario.yaml", block.text.as_str());
    let output = Collected::default();
    let compilation = compile(&input, as_of(), &files, &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert!(printed.is_empty() && compilation.bundle.is_some(), "{path}:\n{}\n{printed}", block.text);
    let files = output.files();
    let provenance = String::from_utf8(files["provenance.json"].clone()).unwrap();
    for file in beside.0.keys() {
        assert!(provenance.contains(&format!("\"uri\": \"{file}\"")), "{path}: `{file}` is no input of the bundle");
    }
    files.into_keys().collect()
}

#[test]
fn scenarios_in_documents_build_without_a_word() {
    let (mut scenarios, mut trees) = (0, 0);
    for (path, text) in documents() {
        let mut beside = Memory::default();
        let mut built = BTreeSet::new();
        for block in blocks(&text).into_iter().flatten() {
            if let Some(file) = block.words.split_whitespace().find_map(|word| word.strip_prefix("file=")) {
                beside = beside.with(file, block.text.as_str());
            } else if block.words.starts_with("yaml scenario") {
                built = build(&path, &block, &std::mem::take(&mut beside));
                scenarios += 1;
            } else if block.words == "text tree" {
                let listed = block.text.lines().filter_map(|line| line.split_whitespace().next());
                assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), built, "{path}: the tree is another");
                trees += 1;
            }
        }
        assert!(beside.0.is_empty(), "{path}: no scenario follows {:?}", beside.0.keys());
    }
    assert!(scenarios >= 5 && trees >= 1, "{scenarios} scenarios and {trees} trees were found");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut followed = 0;
    for (path, text) in documents() {
        let prose: String = blocks(&text).into_iter().filter_map(Result::err).collect();
        for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let place = match file {
                "" => root().join(&path),
                _ => root().join(&path).parent().unwrap().join(file),
            };
            assert!(place.exists(), "{path}: the link `{target}` leads nowhere");
            let headings = || std::fs::read_to_string(&place).unwrap();
            assert!(
                anchor.is_none_or(|anchor| anchors(&headings()).contains(anchor)),
                "{path}: `{target}`: no such heading"
            );
            followed += 1;
        }
    }
    assert!(followed > 20, "only {followed} links were found");
}

/// What a document's headings are called in links.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter)).collect::<String>()
        })
        .map(|kept| kept.replace(' ', "-"))
        .collect()
}

#[test]
fn commands_in_documents_name_what_exists() {
    let mut named = 0;
    for (path, text) in documents() {
        for block in blocks(&text).into_iter().flatten().filter(|block| block.words == "sh") {
            for word in block.text.split_whitespace().filter(|word| word.starts_with("examples/")) {
                assert!(root().join(word).exists(), "{path}: there is no `{word}`");
                named += 1;
            }
        }
    }
    assert!(named > 0, "no command names an example");
}

#[test]
fn the_readme_is_short_and_starts_a_newcomer() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= LONGEST_README, "{} lines", readme.lines().count());
    for command in
        ["cargo run --release -p karsc -- build examples/scenarios/exec-brief-hermes", "cargo test --workspace"]
    {
        assert!(readme.lines().any(|line| line.starts_with(command)), "README does not say `{command}`");
    }
}

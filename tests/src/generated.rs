//! Documents that are made from the sources: each is compared with what is committed, and `UPDATE=1` writes it.
//! Not here: the golden trees.

mod fields;

use std::collections::BTreeSet;
use std::path::Path;

use karsc_core::check::pages;
use karsc_core::lock;

use crate::support::{Disk, root};

/// Compares a committed file with what it should hold, or writes it.
#[track_caller]
fn assert_generated(path: &str, made: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).unwrap();
        return std::fs::write(file, made).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(made.lines().count())) + 1;
    assert!(committed == made, "{path}:{line} is not what the sources say; `just bless` writes it");
}

#[test]
fn the_reference_of_codes_is_all_pages() {
    let mut table = String::from("| code | name | may be excepted |\n|---|---|---|\n");
    let mut text = String::new();
    for page in pages::all() {
        let pages::Page { code, name, waivable, text: page, file: _ } = page;
        let anchor = format!("{code}-{name}").to_lowercase();
        table.push_str(&format!("| [{code}](#{anchor}) | {name} | {} |\n", if waivable { "yes" } else { "" }));
        let (_, body) = page.split_once('\n').expect("a page has more than its head");
        text.push_str(&format!("\n## {code} {name}\n{}\n", body.trim_end()));
    }
    let head = "# Codes\n\nEvery finding has a code, and every code a page, which `karsc explain CODE` prints. An exception of a scenario can silence a finding \
                only where the table says so.\nThis file is made from the pages beside the rules (`just bless`).\n\n";
    assert_generated("docs/reference/codes.md", &format!("{head}{table}{text}"));
}

/// The locks of the examples name what is built in now; images keep the digests that they have.
#[test]
fn the_locks_of_the_examples_are_current() {
    let under = |folder| std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let folders = under("examples").chain(under("examples/scenarios")).chain(under("examples/scenarios/rejected"));
    let mut locks = 0;
    for folder in folders.filter(|folder| folder.join("karsc.lock").exists()) {
        let files = Disk(folder.clone());
        let current = lock::current(&files).seen.unwrap();
        let wanted = lock::Content { digests: lock::digests(&files), ..current };
        let text = std::fs::read_to_string(folder.join("karsc.lock")).unwrap();
        let comment: String =
            text.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let path = folder.strip_prefix(root()).unwrap().join("karsc.lock");
        assert_generated(path.to_str().unwrap(), &format!("{comment}{}", wanted.text()));
        locks += 1;
    }
    assert!(locks >= 10, "the examples lost their locks");
}

/// Rule files and pages come in pairs; a page alone stands for a code of an earlier stage.
#[test]
fn every_rule_has_a_page() {
    let paged: BTreeSet<_> = pages::all().map(|page| page.file.to_owned()).collect();
    let rules = std::fs::read_dir(root().join("compiler/core/src/check/rules")).unwrap();
    let rules = rules.filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".rs")?.to_owned()));
    let missing: Vec<_> = rules.filter(|rule| !paged.contains(rule)).collect();
    assert!(missing.is_empty(), "rules without a page: {missing:?}");
}

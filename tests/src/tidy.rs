//! What must stay true of the sources as a whole: crate directions, file sizes, words. Not here: what a program does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A file this long wants splitting.
const LONGEST_FILE: usize = 400;
/// Half of all files are at most this long.
const MEDIAN_FILE: usize = 130;

/// Crates that may never appear in a crate's normal dependency tree. `serde_yaml` writes strings that Kubernetes misreads.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    (
        "karsc-core",
        &[
            "tokio",
            "async-std",
            "reqwest",
            "hyper",
            "oci-client",
            "kube",
            "rand",
            "getrandom",
            "p256",
            "ring",
            "kars-trust",
        ],
    ),
    ("kars-contract", &["tokio", "k8s-openapi", "p256", "ring", "kars-scenario", "karsc-core"]),
    ("kars-scenario", &["tokio", "k8s-openapi", "kars-trust"]),
    ("kars-trust", &["tokio", "reqwest", "sigstore", "kars-scenario", "karsc-core"]),
    ("kars-router", &["karsc-core", "kars-scenario"]),
    ("kars-relay", &["karsc-core", "kars-scenario", "kars-mesh"]),
    ("karsc", &["openssl", "serde_yaml", "oci-distribution"]),
];

/// What the pure pipeline may not name: files, the environment, clocks, randomness.
const IMPURE: [&str; 7] =
    ["std::fs", "std::env", "std::net", "std::process", "SystemTime", "Instant::now", "Timestamp::now"];

/// Words that promise work instead of doing it, or tell history. Written in two parts, so that this file passes.
const WORDS: [(&str, &str); 8] = [
    ("TO", "DO"),
    ("FIX", "ME"),
    ("XX", "X"),
    ("HA", "CK"),
    ("lock", "step"),
    ("kept in ", "sync"),
    ("Phase ", "#"),
    ("Slice ", "#"),
];

#[test]
fn crates_point_one_way() {
    let members = members();
    let mut faults = Vec::new();
    for (name, forbidden) in FORBIDDEN.iter().filter(|(name, _)| members.contains(*name)) {
        let linked = linked(name);
        faults.extend(
            forbidden.iter().filter(|other| linked.contains(**other)).map(|other| format!("{name} -> {other}")),
        );
    }
    assert!(faults.is_empty(), "forbidden dependencies: {faults:?}");
    for name in ["karsc-core", "kars-contract", "kars-scenario", "kars-trust", "karsc"] {
        assert!(members.contains(name), "the workspace has no `{name}`, so nothing was checked");
    }
}

#[test]
fn the_pipeline_is_pure() {
    let sources = sources("compiler/core/src/", "rs");
    for (path, text) in &sources {
        for name in IMPURE {
            assert!(!text.contains(name), "{}: karsc-core names `{name}`", path.display());
        }
    }
    assert!(!sources.is_empty());
}

#[test]
fn files_are_small_and_say_what_they_are() {
    let sources = sources("", "rs");
    let mut sizes: Vec<usize> = Vec::new();
    for (path, text) in &sources {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{}: {lines} lines, more than {LONGEST_FILE}", path.display());
        assert!(text.starts_with("//! "), "{}: does not open with `//!`", path.display());
        sizes.push(lines);
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(median <= MEDIAN_FILE, "half of the files have more than {median} lines, the aim is {MEDIAN_FILE}");
}

#[test]
fn no_word_promises_or_tells_history() {
    for ending in ["rs", "py", "go", "sh"] {
        for (path, text) in sources("", ending) {
            for (index, line) in text.lines().enumerate() {
                let found = WORDS.iter().find(|(first, second)| has_word(line, first, second));
                assert!(found.is_none(), "{}:{}: {line}", path.display(), index + 1);
            }
        }
    }
}

/// Paths and hosts of one machine have no place in what is shipped.
#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let machine = [format!("/{}/", "work"), format!("/{}/", "root"), format!("/tmp/{}", "briefs")];
    for ending in ["rs", "py", "go", "sh", "md", "yaml", "toml", "json", "k", "j2"] {
        for (path, text) in sources("", ending) {
            let found = machine.iter().find(|place| text.contains(place.as_str()));
            assert!(found.is_none(), "{}: names `{}`", path.display(), found.map_or("", String::as_str));
        }
    }
}

/// What ARCHITECTURE.md says is held by a test of this file must be one.
#[test]
fn promises_name_their_test() {
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page exists");
    let promises: Vec<&str> =
        architecture.split("(held by").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(promises.len() >= 5, "the invariants lost their tests: {promises:?}");
    for promise in promises {
        let tests: Vec<&str> = promise.split('`').skip(1).step_by(2).filter(|word| !word.contains('/')).collect();
        assert!(!tests.is_empty(), "no test is named in `{promise}`");
        for test in tests {
            assert!(include_str!("tidy.rs").contains(&format!("fn {test}()")), "there is no test `{test}`");
        }
    }
}

/// Whether the line has the word; `#` stands for a digit.
fn has_word(line: &str, first: &str, second: &str) -> bool {
    if second == "#" {
        return line.split(first).skip(1).any(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    }
    line.contains(&[first, second].concat())
}

/// Every committed or new file with that ending below a folder of the repository (empty, or ending in `/`), by path.
fn sources(folder: &str, ending: &str) -> BTreeMap<PathBuf, String> {
    let root = root();
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
            "--",
            &format!(":(glob){folder}**/*.{ending}"),
        ])
        .current_dir(&root)
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "git failed: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    names
        .split_terminator('\0')
        .map(|name| root.join(name))
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read_to_string(&path).expect("sources are UTF-8")))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository").to_owned()
}

/// Names of all crates that one of the workspace links, itself not counted, with the features that it asks for itself:
/// what other crates of the workspace ask for is not linked into it.
fn linked(name: &str) -> BTreeSet<String> {
    let tree =
        cargo(&["tree", "--locked", "--package", name, "--edges", "normal", "--prefix", "none", "--all-features"]);
    tree.lines().skip(1).filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The names of the workspace's crates.
fn members() -> BTreeSet<String> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--locked", "--no-deps"]))
        .expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("cargo's metadata has its documented shape");
    packages.iter().map(|package| package["name"].as_str().expect("a name is text").to_owned()).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo starts");
    assert!(output.status.success(), "cargo failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

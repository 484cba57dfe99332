//! Golden trees: what each example becomes, as files that reviewers and `kubectl` read. `UPDATE=1` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use karsc_core::{Compilation, compile, platform};

use crate::support::{Collected, Disk, as_of, files_under, root};

/// The examples, by folder. Those in KCL are compared with their YAML twins elsewhere, since they need an engine.
pub(crate) fn examples() -> Vec<String> {
    let folder = root().join("examples/scenarios");
    let all = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut examples: Vec<_> = all.filter(|name| folder.join(name).join("scenario.yaml").is_file()).collect();
    examples.sort();
    examples
}

/// The built-in environments, and those of the example.
fn environments(folder: &Path) -> BTreeSet<String> {
    let own = files_under(&folder.join("environments"))
        .into_iter()
        .filter_map(|file| Some(file.strip_suffix(".yaml")?.to_owned()));
    ["kind", "aks"].map(str::to_owned).into_iter().chain(own).collect()
}

/// Compiles a folder of a scenario; it must have no fault.
pub(crate) fn compiled(folder: &Path, environment: &str) -> (Compilation, BTreeMap<String, Vec<u8>>) {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: environment.to_owned() };
    let output = Collected::default();
    let compilation = compile(&input, as_of(), &Disk(folder.to_owned()), &output).unwrap();
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert!(printed.is_empty() && compilation.bundle.is_some(), "{} for {environment}:\n{printed}", folder.display());
    (compilation, output.files())
}

/// Compares with the committed tree, both ways: a stale file fails as a missing one does.
fn assert_tree(name: &str, actual: &BTreeMap<String, Vec<u8>>) {
    let golden = root().join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::remove_dir_all(&golden).ok();
        for (path, bytes) in actual {
            let path = golden.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        return;
    }
    let expected: BTreeMap<String, Vec<u8>> = files_under(&golden)
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(golden.join(&path)).unwrap()))
        .collect();
    for path in expected.keys().chain(actual.keys()) {
        let text = |files: &BTreeMap<String, Vec<u8>>| {
            files.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
        };
        let (want, got) = (text(&expected), text(actual));
        let diff = similar::TextDiff::from_lines(&want, &got);
        assert!(want == got, "{name}/{path}\n{}\nrun `just bless`, then read `git diff`", diff.unified_diff());
    }
}

#[test]
fn examples_become_what_is_committed() {
    for example in examples() {
        let folder = root().join("examples/scenarios").join(&example);
        for environment in &environments(&folder) {
            let (_, files) = compiled(&folder, environment);
            assert_tree(&format!("{example}/{environment}"), &files);
        }
    }
}

#[test]
fn the_platform_becomes_what_is_committed() {
    let output = Collected::default();
    let compilation = platform("production", &Disk(root().join("examples/platform")), &output).unwrap();
    assert!(compilation.bundle.is_some(), "{}", human(&compilation.found, &compilation.sources, Style::Plain, ""));
    assert_tree("platform/production", &output.files());
}

//! The policy tests of the examples hold, and each of them would fail if its answer were the other one.
//! Not here: how results are printed.

use karsc_core::parse::Input;
use karsc_core::policy_tests::{TestFile, test};

use crate::support::{Disk, Memory, as_of, files_under, root};

fn run(files: &Memory) -> Vec<TestFile> {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let inspection = test(&input, as_of(), files);
    assert_eq!(inspection.found.diagnostics(), []);
    inspection.seen.expect("no rule is broken")
}

/// The other answer to every expectation.
fn turned(text: &str) -> String {
    text.replace("expect: allow", "expect: ALLOW").replace("expect: deny", "expect: allow").replace("ALLOW", "deny")
}

#[test]
fn the_tests_of_the_examples_hold_and_can_fail() {
    let folder = root().join("examples/scenarios");
    let mut scenarios = 0;
    for name in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        // The tests of a scenario in KCL are those of its twin in YAML, to the letter.
        if !name.join("scenario.yaml").exists() {
            continue;
        }
        let disk = Disk(name.clone());
        let mut files = Memory::default();
        for path in files_under(&disk.0) {
            files = files.with(&path, std::fs::read(disk.0.join(&path)).unwrap());
        }
        let results = run(&files);
        assert!(results.iter().any(|file| !file.results.is_empty()), "{} has no policy tests", name.display());
        for result in results.iter().flat_map(|file| &file.results) {
            assert!(result.passed, "{}/{}: {}", name.display(), result.at, result.decided.question());
        }
        let tests: Vec<_> = files.0.keys().filter(|path| path.starts_with("tests/")).cloned().collect();
        for path in tests {
            let text = String::from_utf8(files.0[&path].clone()).unwrap();
            files = files.with(&path, turned(&text));
        }
        assert!(run(&files).iter().flat_map(|file| &file.results).all(|result| !result.passed), "{}", name.display());
        scenarios += 1;
    }
    assert!(scenarios >= 9, "only {scenarios} examples have tests");
    let twin = |name: &str| std::fs::read(folder.join(name).join("tests/policy.yaml")).unwrap();
    assert_eq!(twin("exec-brief-hermes-kcl"), twin("exec-brief-hermes"));
}

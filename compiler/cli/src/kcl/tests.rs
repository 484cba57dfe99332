//! Tests of the whole evaluation. Those that need an engine run when `KARSC_KCL` names one; the others always.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::engine::Places;
use super::gather::Sources;
use super::stage::Stage;
use super::{FaultKind, KclError, Place, evaluate_with, pretty};

const SCHEMA: &[(&str, &str)] = &[(
    "v1alpha1/scenario.k",
    "schema Scenario:\n    metadata: Metadata\n    links?: [Link]\n\nschema Metadata:\n    name: str\n\n\
     schema Link:\n    $from: str\n    to: [str]\n",
)];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn faults(places: &Places, files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    match evaluate_with(places, folder.path(), Path::new("scenario.k"), SCHEMA) {
        Ok(evaluated) => vec![format!("evaluated: {}", evaluated.json)],
        Err(KclError { faults }) => faults.iter().map(|fault| format!("{:?} {fault}", fault.kind)).collect(),
    }
}

/// The engine of the environment, if it names one.
fn engine() -> Option<Places> {
    let places = Places::from_process();
    places.configured.is_some().then_some(places)
}

#[test]
fn without_an_engine_one_fault_says_how_to_get_it() {
    let files = folder(&[("scenario.k", "scenario = {}")]);
    let missing = Places { configured: Some("/nowhere/kcl".into()), ..Places::default() };
    for (places, message) in [
        (Places::default(), "no KCL engine is found"),
        (missing, "`KARSC_KCL` names `/nowhere/kcl`, which is not a file"),
    ] {
        let KclError { faults } = evaluate_with(&places, files.path(), Path::new("scenario.k"), SCHEMA).unwrap_err();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::NoEngine, message));
        assert!(fault.help.as_ref().unwrap().contains("pip install kcl-lib"));
    }
}

/// Faults that are found before an engine is looked for.
#[test]
fn imports_stay_inside_and_pure() {
    for (files, expected) in [
        (
            &[("scenario.k", "import datetime\nimport net\nscenario = {}")][..],
            &[
                "Import scenario.k:1:1: the module `datetime` would make the result depend on the time",
                "Import scenario.k:2:1: the module `net` would make the result depend on the network",
            ][..],
        ),
        (
            &[("scenario.k", "import sub.a"), ("sub/a.k", "\nif True:\n    import file")],
            &["Import sub/a.k:3:5: the module `file` would make the result depend on files"],
        ),
        (&[("scenario.k", "import \\\ndatetime")], &["Import scenario.k:1:1: an import in an unusual shape"]),
        (
            &[("scenario.k", "import ..secrets")],
            &["Import scenario.k:1:1: `..secrets` leads out of the scenario's folder"],
        ),
        (
            &[("scenario.k", "import absent\nimport karsc.v2")],
            &[
                "Import scenario.k:1:1: nothing is found for the import `absent`",
                "Import scenario.k:2:1: there is no package `karsc.v2`",
            ],
        ),
        (
            &[("scenario.k", "import json\nx = json.dump_to_file({}, 'x')")],
            &["Import scenario.k:2:10: `dump_to_file` writes a file"],
        ),
        // The first package file is read for its imports, the test and the private one are not part of the package.
        (
            &[
                ("scenario.k", "import sub"),
                ("sub/a.k", "import net"),
                ("sub/a_test.k", "import file"),
                ("sub/_b.k", "import file"),
            ],
            &["Import sub/a.k:1:1: the module `net` would make the result depend on the network"],
        ),
        // Each file is read once, in a cycle too; what is wrong with the cycle is the engine's to say.
        (
            &[("scenario.k", "import a\nimport karsc.v1alpha1 as k"), ("a.k", "import scenario")],
            &["NoEngine no KCL engine is found"],
        ),
    ] {
        assert_eq!(faults(&Places::default(), files), expected, "{files:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_folder() {
    let outside = folder(&[("secret.k", "token = 1")]);
    let inside = folder(&[("scenario.k", "import link")]);
    std::os::unix::fs::symlink(outside.path().join("secret.k"), inside.path().join("link.k")).unwrap();
    let error = evaluate_with(&Places::default(), inside.path(), Path::new("scenario.k"), SCHEMA).unwrap_err();
    assert_eq!(error.to_string(), "link.k: `link.k` leads out of the scenario's folder");
}

#[test]
fn the_program_s_reports_are_read() {
    let sources =
        Sources { entry: "scenario.k".to_owned(), texts: BTreeMap::from([("scenario.k".to_owned(), String::new())]) };
    let stage = Stage::set_up(&sources, SCHEMA).unwrap();
    let root = stage.root().display();
    let text = format!(
        "EvaluationError\n \u{1b}[1;38;5;12m-->\u{1b}[0m {root}/scenario.k:5:12\n\u{1b}[1;38;5;12m  |\u{1b}[0m\n\
         5 | scenario = A {{ x = 1 }}\n  |            ^ Instance check failed\n  |\n\n \
         --> {root}/scenario.k:4:1\n  |\n4 |         x > 3\n  | ^ Check failed on the condition: x must be big\n  |\n"
    );
    let faults = pretty::faults(&text, &stage);
    let place = |line, column| Place { file: "scenario.k".to_owned(), line, column };
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].to_string(), "scenario.k:5:12: instance check failed");
    assert_eq!(faults[0].related, [(place(4, 1), "check failed on the condition: x must be big".to_owned())]);
}

#[test]
fn a_scenario_is_evaluated() {
    let Some(places) = engine() else { return };
    let files = folder(&[
        (
            "scenario.k",
            "import karsc.v1alpha1 as k\nimport team\nprint('noise')\n_hidden = 1\nscenario = k.Scenario {\n    \
             metadata = k.Metadata { name = 'no' }\n    \
             links = [k.Link { $from = 'lead', to = [n] } for n in team.workers]\n}\nenvironment = { kind = None }\n",
        ),
        ("team/names.k", "workers = ['b', 'a']"),
    ]);
    let evaluated = evaluate_with(&places, files.path(), &files.path().join("scenario.k"), SCHEMA).unwrap();
    let value: serde_json::Value = serde_json::from_str(&evaluated.json).unwrap();
    let links = serde_json::json!([{"from": "lead", "to": ["b"]}, {"from": "lead", "to": ["a"]}]);
    let scenario = serde_json::json!({"metadata": {"name": "no"}, "links": links});
    assert_eq!(value, serde_json::json!({"scenario": scenario, "environment": {}}));
    assert!(evaluated.engine.starts_with("kcl"), "{}", evaluated.engine);
}

#[test]
fn what_the_engine_refuses_has_a_place() {
    let Some(places) = engine() else { return };
    for (text, expected) in [
        ("scenario = {\n    a = \n}", "Syntax scenario.k:2:9: expected one of [\"identifier\""),
        (
            "import karsc.v1alpha1 as k\nscenario = k.Scenario { metadata = k.Metadata { name = 3 } }",
            "Schema scenario.k:2:49: expected str, got int(3)",
        ),
        (
            "schema A:\n    x: int\n    check:\n        x > 3, 'too small'\nscenario = A { x = 1 }",
            "Schema scenario.k:5:12: check failed on the condition: too small",
        ),
        ("x = 1", "NoScenario scenario.k: there is no top-level `scenario`"),
        ("scenario = Undefined", "NoScenario scenario.k: there is no top-level `scenario`"),
    ] {
        let found = faults(&places, &[("scenario.k", text)]);
        assert!(found[0].starts_with(expected), "{text}\n{found:?}");
    }
}

#[test]
fn an_engine_that_runs_wild_ends_in_one_fault() {
    let Some(places) = engine() else { return };
    for (text, expected) in [
        (
            "f = lambda n: int -> int { f(n + 1) }\nscenario = { a = f(0) }",
            "Crash scenario.k: the KCL engine died while it evaluated the file",
        ),
        (
            "f = lambda n: int -> int { 1 if n == 0 else f(n - 1) + f(n - 1) }\nscenario = { a = f(60) }",
            "Limit scenario.k: the evaluation takes longer than 8 seconds",
        ),
        (
            "scenario = { a = [i for i in range(100000000)] }",
            "Limit scenario.k: the evaluation needs more memory than it gets",
        ),
        ("scenario = { a = 'x' * 10000000 }", "Limit scenario.k: the result is larger than 8 MiB"),
    ] {
        assert_eq!(faults(&places, &[("scenario.k", text)]), [expected], "{text}");
    }
}

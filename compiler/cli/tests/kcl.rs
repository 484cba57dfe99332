//! KCL scenarios through the real program. What needs an engine runs where `KARSC_KCL` names one: `just kcl`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn karsc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_karsc")).args(arguments).current_dir(folder).output().expect("the program starts")
}

fn has_engine() -> bool {
    let named = std::env::var_os("KARSC_KCL").is_some_and(|value| !value.is_empty());
    if !named {
        eprintln!("skipped: `KARSC_KCL` names no KCL engine; `just kcl` installs one");
    }
    named
}

/// All files of a bundle, by path.
fn files(folder: &Path, inside: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder.join(inside)).expect("the bundle is a folder") {
        let entry = entry.expect("the folder can be read");
        let path = format!("{inside}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files(folder, &format!("{path}/"), found);
        } else {
            found.insert(path.clone(), std::fs::read(folder.join(path)).expect("the file was just listed"));
        }
    }
}

fn built(example: &str, environment: &str) -> BTreeMap<String, Vec<u8>> {
    let place = tempfile::tempdir().expect("a temporary folder can be made");
    let output = place.path().join("bundle");
    let arguments = ["build", example, "-e", environment, "-o", output.to_str().expect("its name is text")];
    let run = karsc(&root().join("examples/scenarios"), &arguments);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut found = BTreeMap::new();
    files(&output, "", &mut found);
    found
}

#[test]
fn a_kcl_scenario_gives_what_its_yaml_twin_gives() {
    if !has_engine() {
        return;
    }
    for environment in ["kind", "aks"] {
        let [yaml, kcl] = ["exec-brief-hermes", "exec-brief-hermes-kcl"].map(|example| built(example, environment));
        assert!(yaml.keys().eq(kcl.keys()), "{:?}\n{:?}", yaml.keys(), kcl.keys());
        let about_the_source = ["bundle.json", "provenance.json", "sourcemap.json"];
        let may_differ = |path: &str| path.ends_with("/32-origins.yaml") || about_the_source.contains(&path);
        let differing: Vec<_> = yaml.keys().filter(|path| yaml[*path] != kcl[*path] && !may_differ(path)).collect();
        assert!(differing.is_empty(), "{differing:?}");
        let digest = |files: &BTreeMap<String, Vec<u8>>| {
            let inventory: serde_json::Value = serde_json::from_slice(&files["bundle.json"]).unwrap();
            inventory["contentDigest"].as_str().unwrap().to_owned()
        };
        assert_eq!(digest(&yaml), digest(&kcl));
        let provenance = String::from_utf8_lossy(&kcl["provenance.json"]).into_owned();
        assert!(provenance.contains("\"scenario.k\"") && provenance.contains("\"kcl\": \""), "{provenance}");
    }
}

#[test]
fn every_bad_kcl_file_ends_in_one_diagnostic() {
    if !has_engine() {
        return;
    }
    let folder = root().join("tests/kcl/rejected");
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut seen = String::new();
    for name in names {
        let run = karsc(&folder, &["check", &name, "--message-format", "short"]);
        let (printed, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(printed.lines().count() == 1 && errors.is_empty(), "{name}:\n{printed}{errors}");
        seen.push_str(&format!("exit {}: {printed}", run.status.code().unwrap()));
    }
    let expected = root().join("tests/kcl/rejected.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &seen).unwrap();
    }
    let committed = std::fs::read_to_string(&expected).unwrap_or_default();
    assert!(committed == seen, "expected\n{committed}\ngot\n{seen}\n`UPDATE=1` writes it");
}

#[test]
fn faults_of_kcl_are_printed_in_every_format() {
    for (format, begins, is_data) in [
        ("human", "error[K0120]: the module `datetime`", false),
        ("json", "{\"code\":\"K0120\",\"severity\":\"error\"", true),
        ("short", "clock.k:1:1: error[K0120]: ", true),
        ("github", "::error file=clock.k,line=1,col=1,title=K0120::", true),
        ("sarif", "{", true),
    ] {
        let run = karsc(&root().join("tests/kcl/rejected"), &["check", "clock.k", "--message-format", format]);
        let printed = String::from_utf8(if is_data { run.stdout } else { run.stderr }).unwrap();
        assert!(printed.starts_with(begins), "{format}:\n{printed}");
        assert_eq!(run.status.code(), Some(2), "{format}");
    }
}

#[test]
fn without_a_kcl_engine_the_machine_is_at_fault() {
    let run = Command::new(env!("CARGO_BIN_EXE_karsc"))
        .args(["check", "no-scenario.k", "--message-format", "short"])
        .current_dir(root().join("tests/kcl/rejected"))
        .env("KARSC_KCL", "/nowhere/kcl")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.status.code(), Some(3), "{printed}");
    assert!(printed.starts_with("no-scenario.k:1:1: error[K0120]: "), "{printed}");
    assert!(printed.contains("pip install kcl-lib"), "{printed}");
}

#[test]
fn kcl_on_standard_input_is_refused_with_the_reason() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_karsc"))
        .args(["check", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = b"import karsc.v1alpha1 as k\nscenario = k.Scenario {}\n";
    child.stdin.take().unwrap().write_all(text).unwrap();
    let run = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() == Some(2) && errors.contains("KCL is not read from standard input"), "{errors}");
}

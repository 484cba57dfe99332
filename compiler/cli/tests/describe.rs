//! `karsc schema` and `karsc explain` through the real program.

use std::process::Command;

/// Exit code, standard output, standard error.
fn karsc(arguments: &[&str]) -> (Option<i32>, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_karsc")).args(arguments).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (run.status.code(), text(&run.stdout), text(&run.stderr))
}

#[test]
fn fields_and_codes_are_explained() {
    for (topic, begins) in [
        ("agents.*.egress[].host", "agents.*.egress[].host\n  type: text\n  required: yes\n"),
        ("agents.analyst.egress", "agents.*.egress\n  type: list of maps\n"),
        ("models.main.credential", "models.*.credential\n  type: map\n"),
        ("environment.delivery.engine", "environment.delivery.engine\n  type: `flux`, `argocd` or `none`\n"),
        ("K0120", "# kcl (K0120)\n"),
        ("k120", "# kcl (K0120)\n"),
    ] {
        let (code, printed, errors) = karsc(&["explain", topic]);
        assert!(code == Some(0) && printed.starts_with(begins) && errors.is_empty(), "{topic}:\n{printed}{errors}");
    }
}

#[test]
fn what_is_unknown_ends_with_the_nearest() {
    for (arguments, message) in [
        (["explain", "agents.*.egres"], "there is no field `agents.*.egres`; did you mean `egress`?"),
        (["explain", "K9999"], "there is no code `K9999`"),
        (["schema", "scenaro"], "there is no schema `scenaro`; did you mean `scenario`?"),
    ] {
        let (code, printed, errors) = karsc(&arguments);
        assert!(code == Some(2) && printed.is_empty() && errors.contains(message), "{arguments:?}:\n{errors}");
    }
}

#[test]
fn schemas_are_listed_printed_and_written() {
    let (code, listed, _) = karsc(&["schema"]);
    assert!(code == Some(0) && listed.starts_with("scenario "), "{listed}");
    let (_, printed, _) = karsc(&["schema", "lock"]);
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["$id"], "https://karsc.dev/schema/v1alpha1/lock.schema.json");
    let (_, package, _) = karsc(&["schema", "--kcl"]);
    assert!(package.contains("\nschema Scenario:\n") && package.contains("\nschema Environment:\n"));

    let folder = tempfile::tempdir().unwrap();
    let (code, _, errors) = karsc(&["schema", "-o", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{errors}");
    let written = std::fs::read_to_string(folder.path().join("lock.schema.json")).unwrap();
    assert_eq!(written, printed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), listed.lines().count());
}

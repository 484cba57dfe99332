//! The generated schemas: they are what is committed, every example fits them, and they accept what the parser accepts.
//! `UPDATE=1` writes them.

mod table;

use jsonschema::Validator;
use serde_json::Value;

use crate::support::{files_under, root};

#[test]
fn schemas_are_what_is_committed() {
    let folder = root().join("schema");
    let files = karsc_core::schema::files();
    if std::env::var_os("UPDATE").is_some() {
        for part in ["json", "kcl"] {
            std::fs::remove_dir_all(folder.join(part)).ok();
        }
        for (path, text) in &files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    let mut expected: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    expected.sort();
    let committed: Vec<String> = ["json", "kcl"]
        .into_iter()
        .flat_map(|part| files_under(&folder.join(part)).into_iter().map(move |path| format!("{part}/{path}")))
        .collect();
    assert_eq!(committed, expected, "run `just bless`");
    for (path, text) in files {
        let committed = std::fs::read_to_string(folder.join(&path)).unwrap();
        assert!(committed == text, "`schema/{path}` is not what the types say; run `just bless`");
    }
}

/// A validator for one kind of file.
fn validator(name: &str) -> Validator {
    let schemas = karsc_core::schema::all();
    let described = schemas.iter().find(|described| described.name == name).unwrap();
    jsonschema::draft202012::new(&described.schema).unwrap()
}

/// A file as the JSON that editors validate: YAML 1.2, where only `true` and `false` are booleans.
pub(crate) fn json(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).unwrap()
}

#[track_caller]
fn assert_fits(validator: &Validator, path: &str, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{path}:\n{}", errors.join("\n"));
}

/// What is validated by which schema, by the folder it lies in and the end of its path.
const KINDS: [(&str, &str, &str); 11] = [
    ("examples", "/scenario.yaml", "scenario"),
    ("examples", "/environments/*.yaml", "environment"),
    ("examples", "/karsc.lock", "lock"),
    ("examples", "/tests/*.yaml", "tests"),
    ("policies/environments", "*.yaml", "environment"),
    ("policies/hosts", "*.yaml", "hosts"),
    ("policies/models", "*.yaml", "models"),
    ("policies/presets", "*.yaml", "preset"),
    ("policies/tools", "*.yaml", "tools"),
    ("templates/runtimes", "/runtime.yaml", "runtime"),
    ("templates/runtimes", "/tools.yaml", "tools"),
];

fn matches(path: &str, end: &str) -> bool {
    match end.split_once('*') {
        None => path.ends_with(end),
        Some((folder, extension)) => {
            let (inside, file) = path.rsplit_once('/').map_or(("", path), |(inside, file)| (inside, file));
            format!("/{inside}/").ends_with(if folder.is_empty() { "/" } else { folder }) && file.ends_with(extension)
        }
    }
}

#[test]
fn every_file_of_ours_fits_its_schema() {
    for (folder, end, name) in KINDS {
        let validator = validator(name);
        let files = files_under(&root().join(folder));
        let files: Vec<_> = files.iter().filter(|path| matches(path, end) && !path.contains("rejected/")).collect();
        assert!(!files.is_empty(), "nothing matches {folder} {end}");
        for path in files {
            let text = std::fs::read_to_string(root().join(folder).join(path)).unwrap();
            assert_fits(&validator, &format!("{folder}/{path}"), &json(&text));
        }
    }
}

#[test]
fn documents_fit_their_schemas() {
    for (end, name) in
        [(".router.json", "router-document"), ("/relay.json", "relay-document"), (".egress.json", "egress-allowlist")]
    {
        let validator = validator(name);
        let golden = root().join("tests/golden");
        let files: Vec<_> = files_under(&golden).into_iter().filter(|path| path.ends_with(end)).collect();
        assert!(!files.is_empty(), "no golden file ends with {end}");
        for path in files {
            let text = std::fs::read_to_string(golden.join(&path)).unwrap();
            assert_fits(&validator, &path, &serde_json::from_str(&text).unwrap());
        }
    }
}

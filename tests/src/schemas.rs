//! The generated schemas: they are what is committed, every example fits them, and they accept what the parser accepts.
//! `UPDATE=1` writes them.

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

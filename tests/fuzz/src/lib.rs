//! What the fuzz targets share: a folder in memory, and a compilation that must hold its promises whatever is in it.
//! Not here: what a target feeds it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};
use karsc_core::compile;
use karsc_core::parse::Input;
use karsc_core::report::{Style, human};
use karsc_core::sources::{Files, Unreadable};

/// A scenario's folder.
#[derive(Clone, Debug, Default)]
pub struct Folder(pub BTreeMap<String, Vec<u8>>);

impl Folder {
    /// The folder with one more file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.to_owned(), text.into());
        self
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.get(path).cloned().ok_or(Unreadable::Missing)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.0.keys().filter(|path| path.starts_with(&format!("{folder}/"))).cloned().collect()
    }
}

/// The files of a bundle.
#[derive(Debug, Default)]
struct Collected(Mutex<BTreeMap<String, Vec<u8>>>);

impl Output for Collected {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let before = self.0.lock().expect("no writer panics").insert(path.to_owned(), bytes.to_owned());
        assert!(before.is_none(), "`{path}` is written twice");
        Ok(())
    }
}

/// Compiles a folder for `kind`. There is a bundle or an error, and every diagnostic can be printed.
pub fn compiled(folder: &Folder) -> Option<BTreeMap<String, Vec<u8>>> {
    let input = Input { scenario: "scenario.yaml".to_owned(), evaluated: None, environment: "kind".to_owned() };
    let as_of = "2026-11-24T00:00:00Z".parse().expect("it is a moment");
    let output = Collected::default();
    let compilation = compile(&input, as_of, folder, &output).expect("memory takes all");
    let printed = human(&compilation.found, &compilation.sources, Style::Plain, "");
    assert_eq!(compilation.bundle.is_none(), compilation.found.has_errors(), "{printed}");
    compilation.bundle.map(|_| output.0.into_inner().expect("no writer panics"))
}

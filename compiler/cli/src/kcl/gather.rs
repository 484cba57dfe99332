//! Collects the KCL files that a scenario is made of, by following imports inside of its folder. Not here: evaluation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::fault::{Fault, FaultKind, KclError, Place};
use super::imports::{Finding, Import, imports};

/// Modules of the engine whose results depend on their arguments alone.
const PURE_MODULES: [&str; 9] =
    ["base32", "base64", "collection", "json", "math", "regex", "template", "units", "yaml"];
/// The other modules of the engine, each with what its results depend on.
const IMPURE_MODULES: [(&str, &str); 7] = [
    ("crypto", "chance and files"),
    ("datetime", "the time"),
    ("file", "files"),
    ("kcl_plugin", "programs outside of the scenario"),
    ("manifests", "the way it is run"),
    ("net", "the network"),
    ("runtime", "the machine"),
];
const MAXIMUM_FILE: u64 = 8 << 20;
const MAXIMUM_TOTAL: usize = 64 << 20;

/// The texts of a scenario, by path relative to its folder.
#[derive(Debug)]
pub(super) struct Sources {
    /// The file that holds `scenario`.
    pub(super) entry: String,
    /// Every file that is reached, `entry` included.
    pub(super) texts: BTreeMap<String, String>,
}

/// Reads `file` and every file it imports, directly or not.
pub(super) fn gather(root: &Path, file: &Path, schema: &[(&str, &str)]) -> Result<Sources, KclError> {
    let relative = file.strip_prefix(root).unwrap_or(file);
    let entry = relative.to_str().ok_or_else(|| unreadable(&relative.to_string_lossy(), "its name is not UTF-8"))?;
    let folder = root.canonicalize().map_err(|error| unreadable(&root.to_string_lossy(), error))?;
    let mut reader = Reader { folder, schema, texts: BTreeMap::new(), total: 0, faults: Vec::new() };
    reader.follow(entry.replace('\\', "/"));
    if !reader.faults.is_empty() {
        return Err(KclError { faults: reader.faults });
    }
    Ok(Sources { entry: entry.replace('\\', "/"), texts: reader.texts })
}

struct Reader<'a> {
    /// Canonical, so that a link out of it is seen.
    folder: PathBuf,
    schema: &'a [(&'a str, &'a str)],
    texts: BTreeMap<String, String>,
    total: usize,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn follow(&mut self, entry: String) {
        let mut waiting = vec![entry];
        while let Some(path) = waiting.pop() {
            if self.texts.contains_key(&path) {
                continue;
            }
            match self.read(&path) {
                Ok(text) => {
                    waiting.extend(self.reached_from(&path, &text));
                    self.texts.insert(path, text);
                }
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    fn read(&mut self, path: &str) -> Result<String, Fault> {
        let real = self.folder.join(path).canonicalize().map_err(|error| unreadable(path, error))?;
        if !real.starts_with(&self.folder) {
            return Err(outside(path).at(Place::of_file(path)));
        }
        let length = fs::metadata(&real).map_err(|error| unreadable(path, error))?.len();
        if length > MAXIMUM_FILE {
            let message = format!("`{path}` is larger than {} MiB", MAXIMUM_FILE >> 20);
            return Err(Fault::new(FaultKind::Limit, message).at(Place::of_file(path)).help("split the file"));
        }
        let bytes = fs::read(&real).map_err(|error| unreadable(path, error))?;
        self.total += bytes.len();
        if self.total > MAXIMUM_TOTAL {
            let message = format!("the KCL files are larger than {} MiB together", MAXIMUM_TOTAL >> 20);
            return Err(Fault::new(FaultKind::Limit, message).at(Place::of_file(path)));
        }
        String::from_utf8(bytes).map_err(|error| {
            let message = format!("`{path}` is not UTF-8 at byte {}", error.utf8_error().valid_up_to());
            Fault::new(FaultKind::Syntax, message).at(Place::of_file(path)).help("save the file as UTF-8")
        })
    }

    /// The files that the imports of `text` lead to. Faulty imports are recorded, and lead nowhere.
    fn reached_from(&mut self, path: &str, text: &str) -> Vec<String> {
        let mut reached = Vec::new();
        for finding in imports(text) {
            let (line, column) = match &finding {
                Finding::Import(Import { line, column, .. })
                | Finding::Shape { line, column }
                | Finding::Writes { line, column, .. } => (*line, *column),
            };
            let files = match finding {
                Finding::Import(import) => self.resolve(path, &import.path),
                Finding::Shape { .. } => Err(Fault::new(FaultKind::Import, "an import in an unusual shape")
                    .help("write `import path` or `import path as name`, alone on one line")),
                Finding::Writes { name, .. } => Err(Fault::new(FaultKind::Import, format!("`{name}` writes a file"))
                    .help("remove the call; only the value `scenario` leaves the evaluation")),
            };
            match files {
                Ok(files) => reached.extend(files),
                Err(fault) => self.faults.push(fault.at(Place { file: path.to_owned(), line, column })),
            }
        }
        reached
    }

    /// The files behind the import `wanted` in the file `from`. Modules and the schema package have none.
    fn resolve(&self, from: &str, wanted: &str) -> Result<Vec<String>, Fault> {
        let names = wanted.trim_start_matches('.');
        let dots = wanted.len() - names.len();
        let first = names.split('.').next().unwrap_or_default();
        if dots == 0 {
            if let Some((module, cause)) = IMPURE_MODULES.iter().find(|(module, _)| *module == first) {
                let message = format!("the module `{module}` would make the result depend on {cause}");
                return Err(Fault::new(FaultKind::Import, message)
                    .help("remove the import; a build must give the same bytes everywhere and always"));
            }
            if PURE_MODULES.contains(&names) {
                return Ok(Vec::new());
            }
            if first == "karsc" {
                return self.schema_package(names);
            }
        }
        let mut parts: Vec<&str> = if dots == 0 { Vec::new() } else { from.split('/').collect() };
        for _ in 0..dots {
            if parts.pop().is_none() {
                return Err(outside(wanted));
            }
        }
        parts.extend(names.split('.'));
        self.package(&parts.join("/")).ok_or_else(|| {
            Fault::new(FaultKind::Import, format!("nothing is found for the import `{wanted}`"))
                .help("put the package into the scenario's folder; packages are never downloaded")
        })
    }

    fn schema_package(&self, names: &str) -> Result<Vec<String>, Fault> {
        let path = names.replace('.', "/");
        let known = self.schema.iter().any(|(file, _)| {
            let file = format!("karsc/{file}");
            file == format!("{path}.k") || file.rsplit_once('/').is_some_and(|(folder, _)| folder == path)
        });
        if known {
            return Ok(Vec::new());
        }
        Err(Fault::new(FaultKind::Import, format!("there is no package `{names}`")).help("import `karsc.v1alpha1`"))
    }

    /// The file `path.k`, or the files directly in the folder `path`.
    fn package(&self, path: &str) -> Option<Vec<String>> {
        let file = format!("{path}.k");
        if self.folder.join(&file).is_file() {
            return Some(vec![file]);
        }
        let mut files: Vec<String> = fs::read_dir(self.folder.join(path))
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                name.strip_suffix(".k").is_some_and(|stem| !stem.ends_with("_test") && !stem.starts_with('_'))
            })
            .map(|name| format!("{path}/{name}"))
            .collect();
        files.sort();
        (!files.is_empty()).then_some(files)
    }
}

fn outside(path: &str) -> Fault {
    Fault::new(FaultKind::Import, format!("`{path}` leads out of the scenario's folder"))
        .help("copy what is needed into the folder")
}

fn unreadable(path: &str, cause: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Machine, format!("cannot read `{path}`: {cause}"))
}

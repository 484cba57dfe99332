//! What a command compiles: the folder, the file in it, the environment, the moment to judge by.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kars_contract::instant::Instant;
use karsc_core::parse::Input;
use karsc_core::sources::Files;

use crate::args::{Source, Target};
use crate::evaluation;
use crate::folder::{Folder, Stdin};
use crate::outcome::Failure;

/// The largest scenario over standard input.
const LARGEST: u64 = 8 << 20;

/// What is compiled, and from where.
pub(crate) struct Inputs {
    pub(crate) input: Input,
    pub(crate) files: Box<dyn Files>,
    pub(crate) as_of: Instant,
    /// The folder as it was named, for paths in messages; empty for the current one.
    pub(crate) folder: String,
    /// The folder, unless the scenario came over standard input.
    pub(crate) root: Option<PathBuf>,
}

impl Inputs {
    /// The files at a path, where neither environment nor moment matter.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        Self::for_target(path, &Target { environment: "kind".to_owned(), as_of: Some(Instant::MAX) })
    }

    pub(crate) fn of(source: &Source) -> Result<Self, Failure> {
        Self::for_target(&source.path, &source.target)
    }

    pub(crate) fn for_target(path: &Path, target: &Target) -> Result<Self, Failure> {
        let as_of = target.as_of.map_or_else(moment, Ok)?;
        let input = |scenario: &str| Input {
            scenario: scenario.to_owned(),
            evaluated: None,
            environment: target.environment.clone(),
        };
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| Failure::Environment(format!("standard input cannot be read: {error}")))?;
            if evaluation::is_kcl(&bytes) {
                let message = "KCL is not read from standard input, since its imports have no folder; name the file";
                return Err(Failure::Usage(message.to_owned()));
            }
            return Ok(Self {
                input: input("-"),
                files: Box::new(Stdin { bytes }),
                as_of,
                folder: String::new(),
                root: None,
            });
        }
        let (root, file) = located(path)?;
        let files = Box::new(Folder::open(if root.as_os_str().is_empty() { Path::new(".") } else { &root })?);
        let folder = if root == Path::new(".") {
            String::new()
        } else {
            root.to_string_lossy().trim_end_matches('/').to_owned()
        };
        let mut input = input(&file);
        if file.rsplit_once('.').is_some_and(|(_, extension)| extension == "k") {
            input.evaluated = Some(evaluation::evaluated(&root, &file, &folder)?);
        }
        Ok(Self { input, files, as_of, folder, root: Some(root) })
    }
}

/// The folder of a scenario, and its file in it.
fn located(path: &Path) -> Result<(PathBuf, String), Failure> {
    if path.is_dir() {
        let has = |name: &str| path.join(name).is_file();
        return match (has("scenario.yaml"), has("scenario.k")) {
            (true, true) => Err(Failure::Usage(format!(
                "`{}` holds `scenario.yaml` and `scenario.k`; name one of them",
                path.display()
            ))),
            (true, false) => Ok((path.to_owned(), "scenario.yaml".to_owned())),
            (false, true) => Ok((path.to_owned(), "scenario.k".to_owned())),
            (false, false) => Err(Failure::Environment(format!(
                "`{}` holds no `scenario.yaml`; `karsc init` makes one",
                path.display()
            ))),
        };
    }
    let name = path.file_name().and_then(|name| name.to_str());
    match name {
        Some(name) if path.is_file() => {
            Ok((path.parent().unwrap_or_else(|| Path::new("")).to_owned(), name.to_owned()))
        }
        _ => Err(Failure::Environment(format!("there is no scenario at `{}`", path.display()))),
    }
}

/// The moment that `SOURCE_DATE_EPOCH` names, or now.
fn moment() -> Result<Instant, Failure> {
    let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(now()) };
    let seconds = epoch.to_str().and_then(|text| text.parse().ok()).filter(|seconds: &i64| *seconds >= 0);
    seconds
        .and_then(Instant::from_unix_seconds)
        .ok_or_else(|| Failure::Usage("`SOURCE_DATE_EPOCH` is not a number of seconds since 1970".to_owned()))
}

/// What the clock says. Signatures are judged by it: the variable of reproducible builds must not bring back what expired.
pub(crate) fn now() -> Instant {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    i64::try_from(now).ok().and_then(Instant::from_unix_seconds).unwrap_or(Instant::MAX)
}

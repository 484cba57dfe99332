//! Finds the KCL engine, runs it and reads its answer. Not here: what is evaluated, and the limits of a child process.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use kars_contract::digest::Digest;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::child::{Ended, Limits, Outcome, run};
use super::fault::{Fault, FaultKind, KclError, Place};
use super::stage::Stage;
use super::{pretty, sarif};

/// Sets its own limits, then evaluates.
const WORKER: &str = include_str!("worker.py");
/// Prints where the native part of the library lies.
const NATIVE_PART: &str = "import kcl_lib._kcl_lib as native; print(native.__file__)";
/// The worker's exit code for a Python without the package.
const NO_PACKAGE: i32 = 3;
const LIMITS: Limits = Limits { time: Duration::from_secs(8), output: 8 << 20 };
const HOW_TO_GET_ONE: &str = "install `kcl`, or the Python package `kcl-lib` (`pip install kcl-lib==0.13.2`), or let \
                              `KARSC_KCL` name a `kcl` or a `python3` that has the package";

/// Where engines are looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// `KARSC_KCL`.
    pub(super) configured: Option<OsString>,
    /// `PATH`.
    pub(super) path: OsString,
    /// `HOME`, where the `kcl` program keeps its library.
    pub(super) home: OsString,
}

impl Places {
    pub(super) fn from_process() -> Self {
        Self {
            configured: env::var_os("KARSC_KCL").filter(|value| !value.is_empty()),
            path: env::var_os("PATH").unwrap_or_default(),
            home: env::var_os("HOME").unwrap_or_default(),
        }
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path).map(|folder| folder.join(name)).find(|program| program.is_file())
    }
}

/// What an engine made of a file.
#[derive(Debug)]
pub(super) struct Answer {
    /// A JSON object of the top-level values that are for us.
    pub(super) json: String,
    /// Name and version of the engine.
    pub(super) engine: String,
}

/// A way to evaluate KCL.
#[derive(Debug)]
pub(super) enum Engine {
    /// The `kcl` program, held to its limits by `prlimit` where there is one.
    Program { kcl: PathBuf, prlimit: Option<PathBuf>, home: OsString },
    /// A Python, with the package `kcl-lib` or without.
    Library { python: PathBuf },
}

impl Engine {
    /// `KARSC_KCL`, else `kcl` on the path, else `python3` on the path.
    pub(super) fn find(places: &Places) -> Result<Self, KclError> {
        let program = |kcl| Self::Program { kcl, prlimit: places.program("prlimit"), home: places.home.clone() };
        if let Some(configured) = places.configured.as_ref().map(PathBuf::from) {
            if !configured.is_file() {
                let message = format!("`KARSC_KCL` names `{}`, which is not a file", configured.display());
                return Err(Fault::new(FaultKind::NoEngine, message).help(HOW_TO_GET_ONE).into());
            }
            let name = configured.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
            let is_python = name.starts_with("python");
            return Ok(if is_python { Self::Library { python: configured } } else { program(configured) });
        }
        if let Some(kcl) = places.program("kcl") {
            return Ok(program(kcl));
        }
        places.program("python3").map(|python| Self::Library { python }).ok_or_else(|| no_engine().into())
    }

    /// Evaluates what is on the stage.
    pub(super) fn evaluate(&self, stage: &Stage) -> Result<Answer, KclError> {
        let ended = run(&mut self.command(stage), &LIMITS).map_err(|error| cannot_run(self.path(), &error))?;
        self.check(&ended, stage)?;
        match self {
            Self::Library { .. } => {
                let answer: Printed<'_> = serde_json::from_slice(&ended.output).map_err(|_| strange_answer(stage))?;
                answer.output.evaluated(answer.engine, stage)
            }
            Self::Program { .. } => {
                let output: Output<'_> = serde_json::from_slice(&ended.output).map_err(|_| strange_answer(stage))?;
                output.evaluated(self.version(stage)?, stage)
            }
        }
    }

    /// The digest of the program, or of the native part of the library.
    pub(super) fn digest(&self) -> Result<Digest, KclError> {
        let file = match self {
            Self::Program { kcl, .. } => kcl.clone(),
            Self::Library { python } => {
                let output = Command::new(python).args(["-I", "-B", "-c", NATIVE_PART]).env_clear().output();
                let output = output.map_err(|error| cannot_run(python, &error))?;
                if !output.status.success() {
                    return Err(no_engine().into());
                }
                PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
            }
        };
        let bytes = std::fs::read(&file).map_err(|error| cannot_run(&file, &error))?;
        Ok(Digest::of(&bytes))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Program { kcl, .. } => kcl,
            Self::Library { python } => python,
        }
    }

    fn command(&self, stage: &Stage) -> Command {
        let mut command = match self {
            Self::Library { python } => {
                let mut command = Command::new(python);
                command.args(["-I", "-B", "-c", WORKER]).arg(stage.root()).arg(stage.entry());
                command
            }
            Self::Program { kcl, prlimit, .. } => {
                let mut command = match prlimit {
                    Some(prlimit) => {
                        let mut command = Command::new(prlimit);
                        command.args(["--cpu=8", "--as=4294967296", "--core=0"]).arg(kcl);
                        command
                    }
                    None => Command::new(kcl),
                };
                command.arg("run").arg(stage.entry()).args(["--format", "json", "--disable_none", "--no_style"]);
                command
            }
        };
        self.confine(&mut command, stage);
        command
    }

    /// An empty environment but for what the engine itself needs.
    fn confine(&self, command: &mut Command, stage: &Stage) {
        command.env_clear().env("LC_ALL", "C.UTF-8").current_dir(stage.root());
        if let Self::Program { home, .. } = self {
            command.env("HOME", home).env("NO_COLOR", "1");
        }
    }

    fn version(&self, stage: &Stage) -> Result<String, KclError> {
        let mut command = Command::new(self.path());
        self.confine(command.arg("version"), stage);
        let ended = run(&mut command, &LIMITS).map_err(|error| cannot_run(self.path(), &error))?;
        let text = String::from_utf8_lossy(&ended.output);
        let version = text.split_whitespace().next().unwrap_or("of an unknown version");
        Ok(format!("kcl {version}"))
    }

    /// Turns every end but success into faults.
    fn check(&self, ended: &Ended, stage: &Stage) -> Result<(), KclError> {
        let status = match &ended.outcome {
            Outcome::Exited(status) if status.success() => return Ok(()),
            Outcome::Exited(status) => *status,
            Outcome::TooLong => return Err(too_long(stage).into()),
            Outcome::TooMuch => return Err(too_much(stage).into()),
        };
        if matches!(self, Self::Library { .. }) && status.code() == Some(NO_PACKAGE) {
            return Err(no_engine().into());
        }
        if let Some(fault) = death(status, &ended.errors, stage) {
            return Err(fault.into());
        }
        let faults = match self {
            Self::Library { .. } => sarif::faults(&ended.errors, stage),
            Self::Program { .. } => pretty::faults(&ended.errors, stage),
        };
        if faults.is_empty() {
            let words = ended.errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
            let message = format!("the KCL engine refused the file: {}", words.trim());
            return Err(Fault::new(FaultKind::Schema, message).at(Place::of_file(stage.entry_name())).into());
        }
        Err(KclError { faults: faults.into_iter().map(Fault::named_by_its_condition).collect() })
    }
}

/// What the worker prints.
#[derive(Deserialize)]
struct Printed<'a> {
    engine: String,
    #[serde(borrow)]
    output: Output<'a>,
}

/// The top-level values of the file. Others are for the file's own use.
#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    scenario: Option<&'a RawValue>,
    #[serde(borrow)]
    environment: Option<&'a RawValue>,
}

impl Output<'_> {
    fn evaluated(self, engine: String, stage: &Stage) -> Result<Answer, KclError> {
        let scenario = self.scenario.ok_or_else(|| {
            Fault::new(FaultKind::NoScenario, "there is no top-level `scenario`")
                .at(Place::of_file(stage.entry_name()))
                .help("end the file with `scenario = k.Scenario { … }`, after `import karsc.v1alpha1 as k`")
        })?;
        let environment = self.environment.map_or_else(String::new, |value| format!(",\"environment\":{value}"));
        Ok(Answer { json: format!("{{\"scenario\":{scenario}{environment}}}"), engine })
    }
}

/// What a signal, or the last words of a runtime that caught one, say about the cause.
fn death(status: ExitStatus, errors: &str, stage: &Stage) -> Option<Fault> {
    const KILL: i32 = 9;
    const CPU_TIME: i32 = 24;
    let says = |words: &[&str]| words.iter().any(|word| errors.contains(word));
    if matches!(status.signal(), Some(KILL | CPU_TIME)) {
        return Some(too_long(stage));
    }
    if says(&["memory allocation of", "MemoryError", "out of memory"]) {
        let fault = Fault::new(FaultKind::Limit, "the evaluation needs more memory than it gets");
        return Some(fault.at(Place::of_file(stage.entry_name())).help("look for a list that grows without end"));
    }
    if status.signal().is_some() || says(&["overflowed its stack", "stack overflow", "SIGSEGV", "SIGABRT"]) {
        let fault = Fault::new(FaultKind::Crash, "the KCL engine died while it evaluated the file");
        return Some(
            fault.at(Place::of_file(stage.entry_name())).help("look for a function or a value that uses itself"),
        );
    }
    None
}

fn too_long(stage: &Stage) -> Fault {
    let message = format!("the evaluation takes longer than {} seconds", LIMITS.time.as_secs());
    let help = "look for a recursion or a comprehension that does not end";
    Fault::new(FaultKind::Limit, message).at(Place::of_file(stage.entry_name())).help(help)
}

fn too_much(stage: &Stage) -> Fault {
    let message = format!("the result is larger than {} MiB", LIMITS.output >> 20);
    Fault::new(FaultKind::Limit, message).at(Place::of_file(stage.entry_name())).help("split the scenario")
}

fn strange_answer(stage: &Stage) -> Fault {
    Fault::new(FaultKind::Machine, "the KCL engine answered something that is not JSON")
        .at(Place::of_file(stage.entry_name()))
        .help("use an engine of version 0.11 or later")
}

fn cannot_run(program: &Path, error: &std::io::Error) -> Fault {
    let message = format!("cannot run the KCL engine `{}`: {error}", program.display());
    Fault::new(FaultKind::NoEngine, message).help(HOW_TO_GET_ONE)
}

fn no_engine() -> Fault {
    Fault::new(FaultKind::NoEngine, "no KCL engine is found").help(HOW_TO_GET_ONE)
}

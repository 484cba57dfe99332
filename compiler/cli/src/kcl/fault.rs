//! What can be wrong with a KCL scenario, as data. Not here: diagnostic codes and how a diagnostic is printed.

use std::fmt;

/// Everything that kept a KCL file from being evaluated. There is at least one fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(crate) struct KclError {
    /// In the order in which they were found.
    pub(crate) faults: Vec<Fault>,
}

/// One fault, with the place and the remedy where they are known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    /// What it is about.
    pub(crate) kind: FaultKind,
    /// One short phrase that makes sense alone.
    pub(crate) message: String,
    /// Where it is.
    pub(crate) place: Option<Place>,
    /// Other places that explain it, each with a phrase.
    pub(crate) related: Vec<(Place, String)>,
    /// What to do, in the imperative.
    pub(crate) help: Option<String>,
}

/// The kinds of fault. Each is one diagnostic code.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum FaultKind {
    /// No engine was found. The machine lacks something; the scenario may be fine.
    NoEngine,
    /// A file cannot be read, or the engine cannot be run.
    Machine,
    /// A file is not KCL.
    Syntax,
    /// A value does not fit its schema, or a `check` refused it.
    Schema,
    /// An import that would make the result depend on time, network or files, or that leaves the folder.
    Import,
    /// The evaluation needs more time or memory than it gets, or its result is too large.
    Limit,
    /// The engine died. Endless recursion is the usual cause.
    Crash,
    /// There is no top-level `scenario`.
    NoScenario,
}

/// A position in a file of the scenario.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    /// Path relative to the scenario's folder, with `/` between its parts.
    pub(crate) file: String,
    /// Counted from 1; 0 means the whole file.
    pub(crate) line: usize,
    /// Counted from 1, in characters.
    pub(crate) column: usize,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, related: Vec::new(), help: None }
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// A failed check is better named by its condition than by the fact that it failed.
    pub(super) fn named_by_its_condition(mut self) -> Self {
        if let ("instance check failed", Some((_, condition))) = (self.message.as_str(), self.related.first_mut()) {
            self.message = std::mem::replace(condition, "this condition".to_owned());
        }
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Place {
    /// The whole of `file`.
    pub(super) fn of_file(file: &str) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0 }
    }
}

impl From<Fault> for KclError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place { file, line: 0, .. }) => write!(formatter, "{file}: {}", self.message),
            Some(Place { file, line, column }) => write!(formatter, "{file}:{line}:{column}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

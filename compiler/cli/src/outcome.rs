//! How a command ended. Exit codes are part of the interface.

use std::process::ExitCode;

use kars_scenario::diagnostic::Found;
use karsc_core::sources::Sources;

/// The exit codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// A negative answer: differences, findings, failed tests.
    Negative,
    /// The input or the usage is at fault.
    Input,
    /// The environment is at fault: files, registry, cluster, lock.
    Environment,
    /// Refused to lose something.
    Refused,
    /// A bundle may not be applied; the number says why (`kars_trust::Refusal::exit_code`, and 11 for none found).
    Unverified(u8),
    /// karsc is at fault.
    Bug,
    /// The reader of the output has gone.
    ReaderGone,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Negative => 1,
            Exit::Input => 2,
            Exit::Environment => 3,
            Exit::Refused => 4,
            Exit::Unverified(number) => number,
            Exit::Bug => 70,
            Exit::ReaderGone => 141,
        })
    }
}

/// A command's end: an exit code that says enough, or a failure that is printed.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The usage is at fault.
    #[error("{0}")]
    Usage(String),
    /// The environment is at fault.
    #[error("{0}")]
    Environment(String),
    /// Going on would lose something.
    #[error("{0}")]
    Refused(String),
    /// A bundle may not be applied.
    #[error("{message}")]
    Unverified {
        /// From 10 to 16.
        exit: u8,
        message: String,
    },
    /// karsc is at fault.
    #[error("this is a fault of karsc: {0}; report it with the file")]
    Bug(String),
    /// Faults with a place, printed as diagnostics.
    #[error("the scenario cannot be evaluated")]
    Diagnosed(Box<Diagnosed>),
    /// The reader of the output has gone.
    #[error("the reader of the output has gone")]
    ReaderGone,
}

/// What was found before the compiler could start.
#[derive(Debug)]
pub(crate) struct Diagnosed {
    pub(crate) found: Found,
    pub(crate) sources: Sources,
    /// The scenario's folder, as it was named.
    pub(crate) folder: String,
    pub(crate) exit: Exit,
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Input,
            Self::Environment(_) => Exit::Environment,
            Self::Refused(_) => Exit::Refused,
            Self::Unverified { exit, .. } => Exit::Unverified(*exit),
            Self::Bug(_) => Exit::Bug,
            Self::Diagnosed(diagnosed) => diagnosed.exit,
            Self::ReaderGone => Exit::ReaderGone,
        }
    }
}

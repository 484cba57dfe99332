//! Streams: data to standard output, everything else to standard error. Nothing else of the program prints.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use kars_scenario::diagnostic::Found;
use karsc_core::report::{self, Format, Style};
use karsc_core::sources::Sources;

use crate::args::{Arguments, MessageFormat};
use crate::outcome::{Exit, Failure, Outcome};

/// Where and how things are printed.
pub(crate) struct Printer {
    colour: ColorChoice,
    quiet: bool,
    verbose: bool,
    format: Format,
}

/// `1 agent`, `2 agents`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

impl Printer {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let colour = match arguments.color {
            clap::ColorChoice::Always => ColorChoice::Always,
            clap::ColorChoice::Never => ColorChoice::Never,
            clap::ColorChoice::Auto => ColorChoice::Auto,
        };
        let format = match arguments.message_format {
            MessageFormat::Human => Format::Human,
            MessageFormat::Json => Format::Json,
            MessageFormat::Short => Format::Short,
            MessageFormat::Github => Format::Github,
            MessageFormat::Sarif => Format::Sarif,
        };
        Self { colour, quiet: arguments.quiet, verbose: arguments.verbose > 0, format }
    }

    /// Prints data.
    pub(crate) fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = AutoStream::new(io::stdout().lock(), self.colour);
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| broken("standard output", &error))
    }

    /// Prints a line for people, unless they asked for silence.
    pub(crate) fn note(&self, text: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        self.err(&format!("{text}\n"))
    }

    /// Prints a line for people who asked for more.
    pub(crate) fn detail(&self, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.verbose { self.note(&text()) } else { Ok(()) }
    }

    /// Prints a warning that is about no file, unless people asked for silence.
    pub(crate) fn warning(&self, text: &str) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        self.err(&format!("\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m\u{1b}[1m: {text}\u{1b}[0m\n"))
    }

    fn err(&self, text: &str) -> Result<(), Failure> {
        let mut err = AutoStream::new(io::stderr().lock(), self.colour);
        err.write_all(text.as_bytes()).map_err(|error| broken("standard error", &error))
    }

    /// Prints diagnostics: those that machines asked for are data, the rest is not.
    pub(crate) fn diagnostics(&self, found: &Found, sources: &Sources, folder: &str) -> Result<(), Failure> {
        let style = if self.colour == ColorChoice::Never { Style::Plain } else { Style::Coloured };
        if self.quiet && self.format == Format::Human {
            let mut errors = found.clone();
            errors.retain(|diagnostic| diagnostic.severity == kars_scenario::diagnostic::Severity::Error);
            return self.err(&report::print(&errors, sources, self.format, style, folder));
        }
        let text = report::print(found, sources, self.format, style, folder);
        if self.format == Format::Human { self.err(&text) } else { self.data(text.as_bytes()) }
    }

    /// Whether diagnostics are data on standard output.
    pub(crate) fn diagnostics_are_data(&self) -> bool {
        self.format != Format::Human
    }

    /// Whether a person watches standard error.
    pub(crate) fn is_watched(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Prints a failure, where there is one, and says how to exit.
    pub(crate) fn finish(&self, outcome: Outcome) -> Exit {
        let failure = match outcome {
            Ok(exit) => return exit,
            Err(failure) => failure,
        };
        if matches!(failure, Failure::ReaderGone) {
            return Exit::ReaderGone;
        }
        match self.failure(&failure) {
            Ok(()) => failure.exit(),
            Err(second) => second.exit(),
        }
    }

    /// Prints a failure.
    pub(crate) fn failure(&self, failure: &Failure) -> Result<(), Failure> {
        if let Failure::Diagnosed(diagnosed) = failure {
            return self.diagnostics(&diagnosed.found, &diagnosed.sources, &diagnosed.folder);
        }
        self.err(&format!("\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: {failure}\u{1b}[0m\n"))
    }
}

/// A stream that cannot be written to: its reader has gone, or the disk is full.
fn broken(stream: &str, error: &io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::ReaderGone;
    }
    Failure::Environment(format!("{stream} cannot be written: {error}"))
}

/// Prints what clap has to say: help and versions are data, the rest is a fault of usage.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    if let Err(error) = error.print() {
        return if error.kind() == ErrorKind::BrokenPipe { Exit::ReaderGone } else { Exit::Environment };
    }
    if error.use_stderr() { Exit::Input } else { Exit::Done }
}

//! What is wrong, as data: code, place, reason and remedy. Not here: printing (`karsc_core::report`).

use std::fmt;

use crate::span::Span;

/// A stable number of a fault, printed as `K0301`. It is never used again for another fault.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "K{:04}", self.0)
    }
}

/// Whether a fault stops the build.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    Error,
    Warning,
}

/// A place with the reason why it is shown. The text may be empty where the place speaks for itself.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One fault.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Diagnostic {
    pub primary: Label,
    pub code: Code,
    pub severity: Severity,
    /// One short phrase that makes sense alone.
    pub message: String,
    /// Other places that explain the primary one.
    pub related: Vec<Label>,
    /// What to do, in the imperative.
    pub help: Option<String>,
    /// What the fault is about (`agents.analyst`), where an exception may name it.
    pub subject: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span, message.into())
    }

    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, span, message.into())
    }

    fn new(code: Code, severity: Severity, span: Span, message: String) -> Self {
        let primary = Label { span, text: String::new() };
        Self { primary, code, severity, message, related: Vec::new(), help: None, subject: None }
    }

    /// Says what is wrong at the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds a place that explains the primary one.
    #[must_use]
    pub fn because(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Names what the fault is about, so that an exception can be written for it.
    #[must_use]
    pub fn at(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// All that was noticed so far.
#[derive(Clone, Debug, Default)]
pub struct Found {
    diagnostics: Vec<Diagnostic>,
    lost: bool,
    /// How many were noticed after [`MOST`], and whether one of them is an error.
    dropped: usize,
    dropped_error: bool,
}

/// How many diagnostics one stage keeps. Nobody reads more, and a hostile file could cause millions.
const MOST: usize = 20_000;

impl Found {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MOST {
            return self.diagnostics.push(diagnostic);
        }
        self.dropped += 1;
        self.dropped_error |= diagnostic.severity == Severity::Error;
    }

    /// How many diagnostics were noticed and not kept.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Notes that a value could not be read: what later stages would say about its absence is noise.
    pub fn lose(&mut self, diagnostic: Diagnostic) {
        self.lost = true;
        self.push(diagnostic);
    }

    /// Whether a value is missing because it could not be read.
    pub fn lost(&self) -> bool {
        self.lost
    }

    pub fn has_errors(&self) -> bool {
        self.dropped_error || self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Keeps what `keep` wants, in place.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.diagnostics.retain(keep);
    }

    /// Adds all that another stage found.
    pub fn extend(&mut self, other: Self) {
        self.lost |= other.lost;
        self.dropped += other.dropped;
        self.dropped_error |= other.dropped_error;
        self.diagnostics.extend(other.diagnostics);
    }

    /// By file and place, each once: the order people read in, and the same on every run.
    pub fn sort(&mut self) {
        self.diagnostics.sort();
        self.diagnostics.dedup();
    }
}

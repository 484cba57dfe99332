//! One line of the audit log: canonical JSON, closed by the hash over all that stands before it. Not here: files.

use std::borrow::Cow;

use kars_contract::{Digest, Instant};
use serde::{Deserialize, Serialize};

/// What stands between the hashed text and the hash.
const SEAM: &str = ",\"hash\":\"";

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was decided.
    Decision {
        /// The way by which it came.
        kind: &'static str,
        /// What was wanted.
        what: String,
        /// What was decided.
        judged: Judged,
    },
    /// Something about the router itself: that it started, which document it serves, what it refused to serve.
    Note {
        /// Its stable name.
        kind: &'static str,
        /// What it is about.
        what: String,
    },
}

/// What was decided, and why.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Whether it was allowed.
    pub allowed: bool,
    /// The stable name of the reason.
    pub reason: &'static str,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Where in the scenario it stands.
    pub origin: Option<String>,
}

/// A line. Its fields stand in the order of their names, so that there is one way to write it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    /// Whether a request was allowed; absent where nothing was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Tells the lines of one process from those of the next.
    pub boot: Cow<'a, str>,
    /// The way by which the request came, or the name of what happened.
    pub kind: Cow<'a, str>,
    /// Where in the scenario the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Cow<'a, str>>,
    /// The hash of the line before; of nothing, for the first.
    pub previous: Cow<'a, str>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Cow<'a, str>>,
    /// Counts lines from 1, over all processes.
    pub seq: u64,
    /// When.
    pub time: Instant,
    /// What was wanted, or what it is about.
    pub what: Cow<'a, str>,
}

/// The end of a chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of the last line.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// Why a text is no line of the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoLine {
    /// Not the form of a line.
    #[error("it is not written as a line of the log: {0}")]
    Form(String),
    /// The hash is not that of the text before it.
    #[error("it was changed: its hash is `{written}`, its content has `{found}`")]
    Hash {
        /// In the line.
        written: String,
        /// Of the line.
        found: String,
    },
}

impl Head {
    /// The head of an empty log.
    #[must_use]
    pub fn empty() -> Self {
        Self { seq: 0, hash: hash(b"") }
    }
}

impl<'a> Line<'a> {
    /// The line that follows a head.
    #[must_use]
    pub fn after(head: &'a Head, boot: &'a str, time: Instant, event: &'a Event) -> Self {
        let (kind, what, judged) = match event {
            Event::Note { kind, what } => (kind, what, None),
            Event::Decision { kind, what, judged } => (kind, what, Some(judged)),
        };
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            allowed: judged.map(|judged| judged.allowed),
            boot: boot.into(),
            kind: (*kind).into(),
            origin: judged.and_then(|judged| text(&judged.origin)),
            previous: head.hash.as_str().into(),
            reason: judged.map(|judged| judged.reason.into()),
            rule: judged.and_then(|judged| text(&judged.rule)),
            seq: head.seq + 1,
            time,
            what: what.into(),
        }
    }

    /// Adds the line to others, closed by a line feed, and returns the head that it makes.
    pub fn encode(&self, lines: &mut Vec<u8>) -> Head {
        let start = lines.len();
        serde_json::to_writer(&mut *lines, self).expect("its keys are text");
        let hash = hash(&lines[start..]);
        lines.pop();
        for part in [SEAM, &hash, "\"}\n"] {
            lines.extend_from_slice(part.as_bytes());
        }
        Head { seq: self.seq, hash }
    }

    /// Reads a line, without its line feed, and nothing that [`Self::encode`] would write otherwise.
    pub fn decode(text: &str) -> Result<(Self, Head), NoLine> {
        let form = |problem: &str| NoLine::Form(problem.to_owned());
        let (body, written) = text.rsplit_once(SEAM).ok_or_else(|| form("it has no hash"))?;
        let written = written.strip_suffix("\"}").ok_or_else(|| form("it does not end with its hash"))?.to_owned();
        let body = format!("{body}}}");
        let found = hash(body.as_bytes());
        if found != written {
            return Err(NoLine::Hash { written, found });
        }
        let line: Self = serde_json::from_str(&body).map_err(|error| NoLine::Form(error.to_string()))?;
        if serde_json::to_string(&line).ok().as_deref() != Some(body.as_str()) {
            return Err(form("it is not in canonical form"));
        }
        let seq = line.seq;
        Ok((line, Head { seq, hash: written }))
    }
}

fn hash(text: &[u8]) -> String {
    Digest::of(text).hex().to_owned()
}

//! One line of the audit log: canonical JSON, closed by the hash over all that stands before it. Not here: files.

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
pub struct Line {
    /// Whether a request was allowed; absent where nothing was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Tells the lines of one process from those of the next.
    pub boot: String,
    /// The way by which the request came, or the name of what happened.
    pub kind: String,
    /// Where in the scenario the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The hash of the line before; of nothing, for the first.
    pub previous: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Counts lines from 1, over all processes.
    pub seq: u64,
    /// When.
    pub time: Instant,
    /// What was wanted, or what it is about.
    pub what: String,
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
        Self { seq: 0, hash: hash("") }
    }
}

impl Line {
    /// The line that follows a head.
    #[must_use]
    pub fn after(head: &Head, boot: &str, time: Instant, event: Event) -> Self {
        let line = Self {
            allowed: None,
            boot: boot.to_owned(),
            kind: String::new(),
            origin: None,
            previous: head.hash.clone(),
            reason: None,
            rule: None,
            seq: head.seq + 1,
            time,
            what: String::new(),
        };
        match event {
            Event::Note { kind, what } => Self { kind: kind.to_owned(), what, ..line },
            Event::Decision { kind, what, judged: Judged { allowed, reason, rule, origin } } => {
                let (kind, reason) = (kind.to_owned(), Some(reason.to_owned()));
                Self { allowed: Some(allowed), kind, what, reason, rule, origin, ..line }
            }
        }
    }

    /// The text, closed by a line feed, and the head that it makes.
    #[must_use]
    pub fn encode(&self) -> (String, Head) {
        let mut text = serde_json::to_string(self).expect("its keys are text");
        let hash = hash(&text);
        text.truncate(text.len() - 1);
        text.push_str(&format!("{SEAM}{hash}\"}}\n"));
        (text, Head { seq: self.seq, hash })
    }

    /// Reads a line, without its line feed, and nothing that [`Self::encode`] would write otherwise.
    pub fn decode(text: &str) -> Result<(Self, Head), NoLine> {
        let form = |problem: &str| NoLine::Form(problem.to_owned());
        let (body, written) = text.rsplit_once(SEAM).ok_or_else(|| form("it has no hash"))?;
        let written = written.strip_suffix("\"}").ok_or_else(|| form("it does not end with its hash"))?.to_owned();
        let body = format!("{body}}}");
        let found = hash(&body);
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

fn hash(text: &str) -> String {
    Digest::of(text.as_bytes()).hex().to_owned()
}

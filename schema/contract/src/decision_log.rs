//! The decision log of a router: one JSON object on each line, which `karsc suggest` reads. Not here: the audit trail, whose
//! lines are chained, and writing files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RuleId;
use crate::instant::Instant;
use crate::name::{Name, Port};
use crate::permits::{Decision, Reason};

/// The longest host that is logged; what is longer is no name, and its start tells enough.
pub const LONGEST_HOST: usize = 255;

/// How many lines a router writes: an agent can think of any number of hosts. What comes later is not written.
pub const MOST_LINES: usize = 10_000;

/// One decision.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoggedDecision {
    /// When it was decided.
    pub time: Instant,
    /// Whose request it was.
    pub agent: Name,
    /// What was asked for.
    pub kind: LoggedKind,
    /// The host, as the agent wrote it: it may be one that no rule can name, such as an address.
    #[schemars(length(min = 1, max = 255))]
    pub host: String,
    /// The port.
    pub port: Port,
    /// Whether it was permitted.
    pub allowed: bool,
    /// Why; `learning` where only the learning window let it through.
    pub reason: Reason,
    /// The rule that decided; absent when there was none that could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoggedKind {
    /// A connection.
    Egress,
}

/// Why a line is none of a decision log.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLine {
    /// It is not the JSON of a decision.
    #[error("{what}, at column {column}")]
    Json {
        /// What is wrong.
        what: String,
        /// Where, in bytes from 1.
        column: usize,
    },
    /// Its parts contradict each other.
    #[error("`allowed` is {allowed}, and the reason is `{reason}`")]
    Contradiction {
        /// What it says.
        allowed: bool,
        /// Why, as it says.
        reason: &'static str,
    },
    /// The host is empty, too long, or not printable.
    #[error("the host has 1 to {LONGEST_HOST} characters, all of them printable")]
    Host,
}

impl InvalidLine {
    /// What serde says, but for the number of the line: it knows of one alone.
    fn json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.split_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
        Self::Json { what, column: error.column() }
    }
}

impl LoggedDecision {
    /// What is logged of a decision on a connection.
    #[must_use]
    pub fn egress(time: Instant, agent: Name, (host, port): (&str, Port), decision: &Decision) -> Self {
        let printable = host.chars().map(|letter| if letter.is_control() { '?' } else { letter });
        let host: String = printable.take(LONGEST_HOST).collect();
        let host = if host.is_empty() { "?".to_owned() } else { host };
        let Decision { allowed, rule, reason, enforced: _, limits: _ } = decision.clone();
        Self { time, agent, kind: LoggedKind::Egress, host, port, allowed, reason, rule }
    }

    /// The line, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("text and numbers")
    }

    /// Reads a line, without its end.
    pub fn parse(line: &[u8]) -> Result<Self, InvalidLine> {
        let read: Self = serde_json::from_slice(line).map_err(|error| InvalidLine::json(&error))?;
        if read.allowed != read.reason.allows() {
            return Err(InvalidLine::Contradiction { allowed: read.allowed, reason: read.reason.as_str() });
        }
        let length = read.host.chars().count();
        if !(1..=LONGEST_HOST).contains(&length) || read.host.contains(char::is_control) {
            return Err(InvalidLine::Host);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Enforcer;

    const LINE: &str = r#"{"time":"2026-11-25T08:00:00Z","agent":"analyst","kind":"egress","host":"API.example.org","port":443,"allowed":true,"reason":"learning","rule":"agents.analyst.learn"}"#;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let read = LoggedDecision::parse(LINE.as_bytes()).unwrap();
        assert_eq!(read.line(), LINE);
        let decision = Decision {
            allowed: true,
            rule: read.rule.clone(),
            reason: read.reason,
            enforced: Enforcer::Router,
            limits: Vec::new(),
        };
        let again = LoggedDecision::egress(read.time, read.agent.clone(), (&read.host, read.port), &decision);
        assert_eq!(again, read);
    }

    #[test]
    fn whatever_an_agent_asks_for_makes_a_line_that_can_be_read() {
        let decision = Decision::new(Reason::HostNotPublic, None, Enforcer::Router);
        let agent = Name::parse("analyst").unwrap();
        for host in ["169.254.169.254", "", "a\nb\u{1b}[31m", "\"}", &"ü".repeat(300)] {
            let logged = LoggedDecision::egress(Instant::MAX, agent.clone(), (host, Port::MIN), &decision);
            assert_eq!(LoggedDecision::parse(logged.line().as_bytes()).unwrap(), logged, "{host}");
        }
    }

    #[test]
    fn what_is_no_decision_is_refused() {
        for (from, to) in [
            ("\"time\"", "\"when\""),
            ("{", "{\"more\":1,"),
            ("{", "{\"port\":443,"),
            ("2026-11-25T08:00:00Z", "yesterday"),
            ("\"egress\"", "\"mesh\""),
            (":443", ":0"),
            (":443", ":\"443\""),
            ("true", "false"),
            ("learning", "listend"),
            ("API.example.org", ""),
            ("API.example.org", "a\\u0007b"),
            ("}", ""),
        ] {
            assert!(LoggedDecision::parse(LINE.replacen(from, to, 1).as_bytes()).is_err(), "{from} {to}");
        }
        assert!(LoggedDecision::parse(b"").is_err());
        assert!(LoggedDecision::parse(b"\xff").is_err());
    }
}

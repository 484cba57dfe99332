//! Reading a decision log: what it speaks of, counted. Every line that cannot be read is noted. Not here: what a line may say
//! (the contract).

use std::collections::BTreeMap;

use kars_contract::decision_log::LoggedDecision;
use kars_contract::name::{Name, Port};
use kars_contract::permits::Reason;
use kars_scenario::codes;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::scenario::Scenario;
use kars_scenario::span::{Span, Spanned};

use super::Seen;
use crate::resolve::unresolved;
use crate::sources::{Source, Sources};

/// How much of a faulty line is shown.
const SHOWN: usize = 1024;
/// At how many faulty lines reading ends: a file full of them is another file.
const MOST_FAULTS: usize = 100;

/// A decision log.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// Its path, for messages: it starts with `/`, `./` or `../`, for it is not relative to the scenario's folder.
    pub path: &'a str,
    pub bytes: &'a [u8],
}

/// What a log speaks of: hosts as they were written, with ports, by agent.
pub(super) type AllSeen = BTreeMap<Name, BTreeMap<(String, Port), Seen>>;

/// Counts what the log speaks of.
pub(super) fn read(log: &Log<'_>, scenario: &Scenario, sources: &mut Sources, found: &mut Found) -> AllSeen {
    let mut seen = AllSeen::new();
    let mut faults: Vec<(usize, Fault)> = Vec::new();
    // Faulty lines alone are kept, each on its own line.
    let mut text = String::new();
    for line in log.bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let (false, Err(fault)) = (line.is_empty(), take(line, scenario, &mut seen)) {
            faults.push((text.len(), fault));
            text.push_str(&String::from_utf8_lossy(&line[..line.len().min(SHOWN)]));
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
        text.push('\n');
    }
    if faults.is_empty() {
        return seen;
    }
    let file = sources.add(Source { path: log.path.to_owned(), text, evaluated: false });
    let byte = |at: usize| u32::try_from(at).expect("a log is limited, and so is what is kept of it");
    for (start, fault) in faults {
        let length = sources.get(file).text[start..].lines().next().map_or(0, str::len);
        let place = |at: usize, length: usize| Span { file, start: byte(start + at), end: byte(start + at + length) };
        found.lose(match fault {
            Fault::Line(why) => {
                Diagnostic::error(codes::DECISION_LOG, place(0, length), "this is no line of a decision log")
                    .label(why)
                    .help("let a router write the file, and copy it while the router is not writing")
            }
            Fault::Agent(name) => {
                let quoted = format!("\"{name}\"");
                let at = sources.get(file).text[start..start + length].find(&quoted);
                let span = at.map_or_else(|| place(0, length), |at| place(at, quoted.len()));
                unresolved(&Spanned::new(name, span), "agents", scenario.agents.iter().map(|(known, _)| known.as_str()))
            }
        });
    }
    seen
}

enum Fault {
    Line(String),
    Agent(Name),
}

fn take(line: &[u8], scenario: &Scenario, seen: &mut AllSeen) -> Result<(), Fault> {
    let decision = LoggedDecision::parse(line).map_err(|error| Fault::Line(error.to_string()))?;
    let LoggedDecision { time: _, agent, kind: _, host, port, allowed, reason, rule: _ } = decision;
    if scenario.agents.get(&agent).is_none() {
        return Err(Fault::Agent(agent));
    }
    let count = Seen {
        allowed: u64::from(allowed),
        refused: u64::from(!allowed),
        ended: u64::from(reason == Reason::RuleEnded),
    };
    seen.entry(agent).or_default().entry((host, port)).or_default().add(count);
    Ok(())
}

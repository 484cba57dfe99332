//! From a decision log to the smallest edit of the scenario's allowlists. What is proposed has been compiled: no rule refuses
//! it, and the router's own matcher lets the hosts through. Not here: writing files, and laying out a patch.

mod edit;
mod log;
mod splice;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::host::Hostname;
use kars_contract::host_pattern::HostPattern;
use kars_contract::instant::Instant;
use kars_contract::name::{Name, Port};
use kars_contract::permits::{Policy, Reason};

use crate::answer::yaml::host_entry;
use crate::check::Checked;
use crate::inspect::{Inspection, inspect_beside};
use crate::lower::lower;
use crate::parse::Input;
use crate::resolve::Resolved;
use crate::sources::Files;

pub use edit::Edit;
pub use log::Log;

/// The reason of a proposed entry. No rule objects to it; whoever reviews the patch sees that nobody has given a reason yet.
pub const REASON: &str = "seen in the decision log; say why it is needed";

/// How many proposed hosts below one name are worth a word about a wildcard.
const MANY: usize = 3;

/// A host for the allowlist of an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proposal {
    pub agent: Name,
    pub host: Hostname,
    pub ports: BTreeSet<Port>,
    pub seen: Seen,
}

/// How often the log speaks of something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    pub allowed: u64,
    pub refused: u64,
    /// Of those refused, how often because an entry had ended.
    ended: u64,
}

/// A host that is not proposed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    pub agent: Name,
    pub host: String,
    pub ports: BTreeSet<Port>,
    pub why: String,
}

/// What a log suggests.
#[derive(Debug, Default)]
pub struct Suggestion {
    pub proposals: Vec<Proposal>,
    pub skipped: Vec<Skipped>,
    /// The files of the scenario as they are and as they should be, by path. None for a scenario in KCL, which is a program.
    pub edits: Vec<Edit>,
}

/// A proposal that does not do what it should: a fault of karsc.
#[derive(Debug, thiserror::Error)]
#[error("what is proposed is no sound scenario: {0}")]
pub struct Unsound(String);

/// Proposes what a log lacks. Nothing is seen where the scenario breaks a rule or the log has a line that cannot be read.
pub fn suggest(
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
    log: &Log<'_>,
) -> Inspection<Result<Suggestion, Unsound>> {
    inspect_beside(
        (input, as_of, files),
        |parsed, sources, found| Some(log::read(log, &parsed?.scenario, sources, found)),
        |_, _, _| {},
        |checked, seen| {
            let (proposals, skipped) = missing(checked, &seen);
            proposed(proposals, skipped, checked.resolved(), input, files)
        },
    )
}

/// What the log speaks of and the scenario does not list, and what no scenario can.
fn missing(checked: &Checked<'_>, seen: &log::AllSeen) -> (Vec<Proposal>, Vec<Skipped>) {
    let plan = lower(checked);
    let (mut proposals, mut skipped) = (Vec::new(), Vec::new());
    for (agent, hosts) in seen {
        let policy = Policy::new(&plan.agent(&checked.resolved().agents[agent]).document);
        let mut lacking: BTreeMap<Hostname, (BTreeSet<Port>, Seen)> = BTreeMap::new();
        for ((host, port), seen) in hosts {
            let mut skip = |why: String| {
                skipped.push(Skipped { agent: agent.clone(), host: host.clone(), ports: [*port].into(), why });
            };
            let known = match Hostname::parse(host) {
                Ok(known) => known,
                Err(error) => {
                    skip(error.to_string());
                    continue;
                }
            };
            if policy.permits_host(host, *port, checked.resolved().as_of).reason == Reason::Listed {
                continue;
            }
            if seen.ended > 0 && seen.ended == seen.refused + seen.allowed {
                skip("its entry had an end, which has come; renew `until` where it is still needed".to_owned());
                continue;
            }
            let (ports, all) = lacking.entry(known).or_default();
            ports.insert(*port);
            all.add(*seen);
        }
        let agent = |(host, (ports, seen))| Proposal { agent: agent.clone(), host, ports, seen };
        proposals.extend(lacking.into_iter().map(agent));
    }
    (proposals, skipped)
}

/// Edits that no rule refuses: what one refuses is left out, and the rest is tried again.
fn proposed(
    mut proposals: Vec<Proposal>,
    mut skipped: Vec<Skipped>,
    scenario: &Resolved<'_>,
    input: &Input,
    files: &dyn Files,
) -> Result<Suggestion, Unsound> {
    loop {
        if proposals.is_empty() || input.evaluated.is_some() {
            return Ok(Suggestion { proposals, skipped, edits: Vec::new() });
        }
        let edits = edit::edits(&proposals, scenario, files);
        let refused = trial::refused(&proposals, &edits, input, scenario.as_of, files)?;
        if refused.is_empty() {
            return Ok(Suggestion { proposals, skipped, edits });
        }
        let (out, left): (Vec<_>, Vec<_>) =
            proposals.into_iter().enumerate().partition(|(index, _)| refused.contains_key(index));
        proposals = left.into_iter().map(|(_, proposal)| proposal).collect();
        skipped.extend(out.into_iter().map(|(index, Proposal { agent, host, ports, seen: _ })| Skipped {
            agent,
            host: host.to_string(),
            ports,
            why: refused[&index].clone(),
        }));
    }
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.allowed += other.allowed;
        self.refused += other.refused;
        self.ended += other.ended;
    }
}

impl Proposal {
    /// The entry, as YAML.
    pub fn entry(&self) -> String {
        host_entry(&HostPattern::from(self.host.clone()), &self.ports, REASON)
    }

    /// The entry, as KCL.
    pub fn kcl(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        format!("{{host = \"{}\", ports = [{}], reason = \"{REASON}\"}}", self.host, ports.join(", "))
    }
}

impl Suggestion {
    /// Wildcards that would stand for many of the proposed hosts at once, with the agent and how many they are. None is
    /// proposed: it would open more than was seen.
    pub fn wildcards(&self) -> Vec<(&Name, HostPattern, usize)> {
        let mut below: BTreeMap<(&Name, &str), usize> = BTreeMap::new();
        for proposal in &self.proposals {
            if let Some(parent) = proposal.host.parent() {
                *below.entry((&proposal.agent, parent)).or_default() += 1;
            }
        }
        let many = below.into_iter().filter(|(_, count)| *count >= MANY);
        many.filter_map(|((agent, parent), count)| {
            Some((agent, HostPattern::parse(&format!("*.{parent}")).ok()?, count))
        })
        .collect()
    }
}

//! Compiles a scenario with the proposed edits: which of them do the rules refuse, and are the others let through?
//! Not here: the edits.

use std::collections::BTreeMap;

use kars_contract::host_pattern::HostPattern;
use kars_contract::instant::Instant;
use kars_contract::permits::{Policy, Reason};
use kars_scenario::diagnostic::{Found, Severity};
use kars_scenario::span::Span;

use super::{Edit, Proposal, Unsound};
use crate::check::check;
use crate::inspect::inspect_resolved;
use crate::lower::lower;
use crate::parse::Input;
use crate::resolve::Resolved;
use crate::sources::{Files, Unreadable};

/// A scenario's folder with edits.
struct Edited<'a> {
    files: &'a dyn Files,
    edits: &'a [Edit],
}

impl Files for Edited<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        match self.edits.iter().find(|edit| edit.path == path) {
            Some(edit) => Ok(edit.after.clone().into_bytes()),
            None => self.files.read(path),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.files.list(folder)
    }
}

/// The proposals that rules refuse, by their place in the list, with the reason. Where there are none, the router's matcher
/// lets all of them through.
pub(super) fn refused(
    proposals: &[Proposal],
    edits: &[Edit],
    input: &Input,
    as_of: Instant,
    files: &dyn Files,
) -> Result<BTreeMap<usize, String>, Unsound> {
    let inspection = inspect_resolved(input, as_of, &Edited { files, edits }, |resolved, _| {
        let spans = spans(proposals, &resolved);
        let mut found = Found::default();
        let outcome = match check(resolved, &mut found) {
            None => Ok(blamed(proposals, &spans, &found)),
            Some(checked) => {
                let plan = lower(&checked);
                let closed = proposals.iter().find(|proposal| {
                    let policy = Policy::new(&plan.agent(&checked.resolved().agents[&proposal.agent]).document);
                    let decided = |port| policy.permits_host(proposal.host.as_str(), port, as_of).reason;
                    proposal.ports.iter().any(|port| decided(*port) != Reason::Listed)
                });
                closed.map_or(Ok(BTreeMap::new()), |closed| Err(Unsound(format!("`{}` stays closed", closed.host))))
            }
        };
        Some(outcome)
    });
    inspection.seen.unwrap_or_else(|| {
        let first = inspection.found.diagnostics().first().map(|first| first.message.clone());
        Err(Unsound(first.unwrap_or_else(|| "it cannot be read".to_owned())))
    })
}

/// Where each proposal stands in the edited scenario.
fn spans(proposals: &[Proposal], scenario: &Resolved<'_>) -> Vec<Option<Span>> {
    let span = |proposal: &Proposal| {
        let host = HostPattern::from(proposal.host.clone());
        let mut rules = scenario.agents[&proposal.agent].egress.iter();
        rules.find(|rule| *rule.host == host && rule.ports == proposal.ports).map(|rule| rule.span)
    };
    proposals.iter().map(span).collect()
}

/// The proposals behind errors: the one that an error is at, else all of the agent that it is about, since any of them would
/// do the same, else those that it shows, else all.
fn blamed(proposals: &[Proposal], spans: &[Option<Span>], found: &Found) -> BTreeMap<usize, String> {
    let mut blamed = BTreeMap::new();
    for error in found.diagnostics().iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        let at = |index: &usize| spans[*index] == Some(error.primary.span);
        let subject = |index: &usize| error.subject == Some(format!("agents.{}", proposals[*index].agent));
        let shown = |index: &usize| error.related.iter().any(|label| spans[*index] == Some(label.span));
        let all = || 0..proposals.len();
        let ways: [Vec<usize>; 4] = [
            all().filter(at).collect(),
            all().filter(subject).collect(),
            all().filter(shown).collect(),
            all().collect(),
        ];
        for place in ways.into_iter().find(|places| !places.is_empty()).unwrap_or_default() {
            blamed.entry(place).or_insert_with(|| format!("{}: {}", error.code, error.message));
        }
    }
    blamed
}

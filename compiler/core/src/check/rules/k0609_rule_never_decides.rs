//! K0609: a rule that another rule always beats. The router's own matcher finds it. Not here: rules on tools that no agent
//! has (K0611).

use std::collections::BTreeMap;

use kars_contract::permits::UnreachableBecause;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::check::tool_policy::tool_policy;
use crate::lower::tool_rules;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(609), check };

/// How a rule is beaten: by which, what to say there, and what to do.
type Beaten = (Span, &'static str, &'static str);

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    // A rule that decides for one agent is worth writing, so only what is beaten for all of them is reported.
    let mut beaten: BTreeMap<Span, Option<Beaten>> = BTreeMap::new();
    for agent in scenario.agents().filter(|agent| !agent.rules.is_empty()) {
        for (rule, by) in verdicts(agent) {
            let known = beaten.entry(rule).or_insert(by);
            if by.is_none() {
                *known = None;
            }
        }
    }
    for (rule, by) in beaten {
        let Some((winner, why, help)) = by else { continue };
        found.push(
            Diagnostic::error(RULE.code, rule, "a rule that never decides")
                .label("every call that it means is decided elsewhere")
                .because(winner, why)
                .help(help),
        );
    }
}

/// For each rule about a tool that the agent has: what beats it, or nothing where it decides.
fn verdicts(agent: &Agent<'_>) -> Vec<(Span, Option<Beaten>)> {
    let dead: BTreeMap<_, _> = tool_policy(agent, &tool_rules(agent))
        .unreachable_rules()
        .into_iter()
        .map(|finding| (finding.rule, finding.because))
        .collect();
    let place = |id| agent.rules.iter().find(|used| used.id == id).map(|used| used.span);
    let verdict = |because: UnreachableBecause| match because {
        UnreachableBecause::DeniedBy(id) => {
            Some((place(id)?, "this rule denies all of it", "remove it, or narrow the deny"))
        }
        UnreachableBecause::CoveredBy(id) => {
            Some((place(id)?, "this rule decides all of it before", "remove it: the earlier rule says as much"))
        }
        UnreachableBecause::NotGranted | UnreachableBecause::NoPorts => None,
    };
    let mut verdicts = Vec::new();
    for used in &agent.rules {
        match dead.get(&used.id) {
            None => verdicts.push((used.span, None)),
            // A set that is named twice would beat itself; that is K0641.
            Some(because) => verdicts.extend(
                verdict(because.clone()).filter(|(by, ..)| *by != used.span).map(|by| (used.span, Some(by))),
            ),
        }
    }
    verdicts
}

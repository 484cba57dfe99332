//! K0646: a count between two bounds needs the lower one below. Not here: what is counted.

use kars_scenario::artifact::Range;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(646), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let words = scenario.agents().flat_map(|agent| &agent.written.produces).filter_map(|made| made.words.as_ref());
    let expected = scenario.scenario.expect.iter().flat_map(|expect| {
        let addresses = expect.artifacts.iter().filter_map(|artifact| artifact.urls.as_ref());
        addresses.chain(expect.audit.iter().map(|calls| &calls.count))
    });
    for Range { min, max } in words.chain(expected) {
        let (Some(min), Some(max)) = (min, max) else { continue };
        if min.value > max.value {
            found.push(
                Diagnostic::error(RULE.code, min.span, format!("no number is at least {} and at most {}", min.value, max.value))
                    .because(max.span, "at most so many")
                    .help("exchange the two, or correct one of them"),
            );
        }
    }
}

//! K0304: a host whose date comes within 30 days. Not here: dates that have passed (K0303).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(304), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.agents().flat_map(|agent| &agent.egress) {
        let (Some(until), Some(span)) = (rule.until, rule.until_span) else { continue };
        if scenario.ends_soon(until) {
            found.push(
                Diagnostic::warning(RULE.code, span, format!("the time for {} ends within 30 days", rule.named()))
                    .label("the router refuses it from then on")
                    .help("ask whether the agent still needs it, and agree on a new date or remove it"),
            );
        }
    }
}

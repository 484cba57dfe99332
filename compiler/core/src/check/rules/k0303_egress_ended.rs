//! K0303: a host whose date has passed. Not here: dates that come soon (K0304), which the router refuses on its own.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(303), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.agents().flat_map(|agent| &agent.egress) {
        let (Some(until), Some(span)) = (rule.until, rule.until_span) else { continue };
        if until <= scenario.as_of {
            found.push(
                Diagnostic::error(RULE.code, span, format!("the time for {} has ended", rule.named()))
                    .label("the router refuses it from here on")
                    .help("remove the entry, or agree on a new date"),
            );
        }
    }
}

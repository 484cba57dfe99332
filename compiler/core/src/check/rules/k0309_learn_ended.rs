//! K0309: a learning window that has closed. Not here: production, which has none (K0308).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(309), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for learn in scenario.agents().filter_map(|agent| agent.written.learn.as_ref()) {
        if learn.until.value <= scenario.as_of {
            found.push(
                Diagnostic::error(RULE.code, learn.until.span, "the time for learning has ended")
                    .label("the router lets through only what `egress` lists from here on")
                    .help("write what was learnt under `egress` and remove `learn`, or set a new date"),
            );
        }
    }
}

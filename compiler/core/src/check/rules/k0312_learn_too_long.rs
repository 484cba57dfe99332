//! K0312: a learning window that stays open for more than 30 days. Not here: one that has closed (K0309).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(312), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for learn in scenario.agents().filter_map(|agent| agent.written.learn.as_ref()) {
        let until = learn.until.value;
        if until > scenario.as_of && !scenario.ends_soon(until) {
            found.push(
                Diagnostic::warning(RULE.code, learn.until.span, "the time for learning is long")
                    .label("every public host is open for more than 30 days")
                    .help("set a date within 30 days: a run or two show which hosts are needed"),
            );
        }
    }
}

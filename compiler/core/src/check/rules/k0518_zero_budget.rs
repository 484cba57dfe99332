//! K0518: a budget lets something through. Not here: how much is enough (K0519).

use kars_scenario::agent::Budget;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(518), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for Budget { tokens_per_day, tokens_per_month, tokens_per_request } in scenario.scenario.budgets() {
        let written = [tokens_per_day, tokens_per_month, tokens_per_request];
        for tokens in written.into_iter().flatten().filter(|tokens| tokens.value == 0) {
            found.push(
                Diagnostic::error(RULE.code, tokens.span, "a budget of 0 tokens")
                    .label("every request would be refused")
                    .help("name a number of tokens, remove the line for no such limit, or set `replicas: 0` to suspend an agent"),
            );
        }
    }
}

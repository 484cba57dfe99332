//! K0517: a request costs at most what a day may, and a day at most what a month may. Not here: budgets of zero (K0518).

use kars_scenario::agent::Budget;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(517), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for Budget { tokens_per_day, tokens_per_month, tokens_per_request } in scenario.scenario.budgets() {
        let longest = tokens_per_day.as_ref().or(tokens_per_month.as_ref());
        compare("a request", tokens_per_request.as_ref(), longest, found);
        compare("a day", tokens_per_day.as_ref(), tokens_per_month.as_ref(), found);
    }
}

fn compare(name: &str, small: Option<&Spanned<u64>>, large: Option<&Spanned<u64>>, found: &mut Found) {
    let (Some(small), Some(large)) = (small, large) else { return };
    if small.value > large.value {
        found.push(
            Diagnostic::error(RULE.code, small.span, format!("{name} may cost more than the budget that contains it"))
                .because(large.span, "which is smaller")
                .help("exchange the two, or correct one"),
        );
    }
}

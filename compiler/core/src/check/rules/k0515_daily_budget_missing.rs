//! K0515: in production every agent with a model has a daily budget. Not here: how large it is.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(515), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if !scenario.is_prod() {
        return;
    }
    for agent in scenario.agents() {
        let Some(model) = &agent.model else { continue };
        if agent.budget.is_some_and(|budget| budget.tokens_per_day.is_some()) {
            continue;
        }
        let mut diagnostic =
            Diagnostic::error(RULE.code, agent.name.span, format!("`{}` has no daily budget", agent.name.value))
                .because(model.named.span, "it could spend without end on this model")
                .help("add `budget: { tokensPerDay: … }` to the agent or to `defaults`");
        if let Some(budget) = agent.budget {
            diagnostic = diagnostic.because(budget.span, "its budget names no day");
        }
        found.push(diagnostic);
    }
}

//! K0514: a model and a budget are written only where something uses them. Not here: what `defaults` say, which `echo` does not take.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(514), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        let speaks = !runtime.descriptor.dialects.is_empty();
        if let Some(model) = agent.written.model.as_ref().filter(|_| !speaks) {
            found.push(
                Diagnostic::error(RULE.code, model.span, format!("`{}` uses no model", runtime.kind()))
                    .because(runtime.written.kind.span, "the runtime is chosen here")
                    .help("remove the line"),
            );
        }
        if let Some(budget) = agent.written.budget.as_ref().filter(|_| !speaks || agent.model.is_none()) {
            found.push(
                Diagnostic::error(RULE.code, budget.span, format!("`{}` has nothing to spend tokens on", agent.name.value))
                    .because(runtime.written.kind.span, "the agent has no model")
                    .help("remove the budget, or give the agent a model"),
            );
        }
    }
}

//! K0513: a runtime that cannot work without a model has one. Not here: which one.

use kars_scenario::catalog::CodeUse;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(513), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| agent.model.is_none()) {
        let Some(runtime) = &agent.runtime else { continue };
        // The owner of own code knows whether it asks a model; without one the router refuses to.
        if runtime.descriptor.dialects.is_empty() || runtime.descriptor.capabilities.code != CodeUse::None {
            continue;
        }
        found.push(
            Diagnostic::error(RULE.code, agent.name.span, format!("`{}` has no model", agent.name.value))
                .because(runtime.written.kind.span, format!("`{}` cannot work without one", runtime.kind()))
                .help("add `model` to the agent or to `defaults`"),
        );
    }
}

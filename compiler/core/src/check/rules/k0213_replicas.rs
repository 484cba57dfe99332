//! K0213: an agent runs once or not at all. Not here: how a suspended agent is rendered.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(213), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let Some(replicas) = agent.written.replicas.as_ref().filter(|replicas| replicas.value > 1) else { continue };
        found.push(
            Diagnostic::error(
                RULE.code,
                replicas.span,
                format!("`{}` cannot run {} times", agent.name.value, replicas.value),
            )
            .label("an agent has one identity, one inbox and one budget")
            .help("write `replicas: 1`, or 0 to suspend it; declare a second agent for more work"),
        );
    }
}

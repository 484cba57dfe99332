//! K0212: a scenario without agents. Not here: agents that nobody can reach.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(212), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if scenario.agents.is_empty() {
        let name = &scenario.scenario.metadata.name;
        found.push(
            Diagnostic::error(RULE.code, name.span, format!("`{}` has no agents", name.value))
                .help("add one under `agents`"),
        );
    }
}

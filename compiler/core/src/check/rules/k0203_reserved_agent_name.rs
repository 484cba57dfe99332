//! K0203: `mesh` is the name of the relay's namespace. Not here: the form of names, which their type holds.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(203), check };

/// The last part of the namespace in which a scenario's relay runs.
const RESERVED: &str = "mesh";

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| agent.name.as_str() == RESERVED) {
        found.push(
            Diagnostic::error(RULE.code, agent.name.span, format!("no agent can be called `{RESERVED}`"))
                .label("the scenario's relay runs in the namespace of that name")
                .help("give the agent another name"),
        );
    }
}

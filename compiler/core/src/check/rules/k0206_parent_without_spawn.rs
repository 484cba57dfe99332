//! K0206: a parent that has no tool to start its children with. Not here: parents in a circle (K0207).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(206), check };

/// The tool that starts a child.
const SPAWN: &str = "kars.spawn.kars_spawn";

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let Some(child) = agent.children.first() else { continue };
        if agent.tools.keys().any(|tool| tool.as_str() == SPAWN) {
            continue;
        }
        let named = scenario.agents.get(&child.value).and_then(|child| child.written.parent.as_ref());
        let mut diagnostic = Diagnostic::warning(
            RULE.code,
            agent.name.span,
            format!("`{}` is a parent and cannot spawn", agent.name.value),
        )
        .label(format!("it has no tool `{SPAWN}`"))
        .help(format!("add `{SPAWN}` to its `tools`, or remove `parent` from its children"));
        if let Some(named) = named {
            diagnostic = diagnostic.because(named.span, format!("`{}` names it as its parent", child.value));
        }
        found.push(diagnostic);
    }
}

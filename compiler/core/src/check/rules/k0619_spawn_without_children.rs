//! K0619: spawn tools of an agent that is nobody's parent. Not here: parents without spawn tools (K0206).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(619), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| agent.children.is_empty()) {
        let Some((_, granted)) = agent.tool_of_set("kars.spawn") else { continue };
        let name = &agent.name.value;
        found.push(
            Diagnostic::warning(RULE.code, granted.span, format!("`{name}` has spawn tools and no children"))
                .label("they would refuse every name")
                .help(format!("write `parent: {name}` at the agents it may start, or remove the tools")),
        );
    }
}

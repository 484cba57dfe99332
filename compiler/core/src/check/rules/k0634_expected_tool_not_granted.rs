//! K0634: a run is expected to show only calls of tools that the agent has. Not here: how many.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(634), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for expected in scenario.scenario.expect.iter().flat_map(|expect| &expect.audit) {
        let Some(agent) = scenario.agents.get(&expected.agent.value) else { continue };
        let none_wanted = expected.count.max.as_ref().is_some_and(|most| most.value == 0);
        if none_wanted || agent.tools.keys().any(|tool| expected.tool.matches(tool)) {
            continue;
        }
        let name = &agent.name.value;
        found.push(
            Diagnostic::error(RULE.code, expected.tool.span, format!("`{name}` does not have `{}`", expected.tool.value))
                .label("no run can show a call of it")
                .because(agent.name.span, "the agent it is expected of")
                .help(format!("grant the tool to `{name}`, or remove the expectation")),
        );
    }
}

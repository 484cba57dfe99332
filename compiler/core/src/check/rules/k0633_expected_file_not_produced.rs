//! K0633: a run is expected to show only files that somebody makes. Not here: what must be in them.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(633), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for expected in scenario.scenario.expect.iter().flat_map(|expect| &expect.artifacts) {
        let Some(agent) = scenario.agents.get(&expected.agent.value) else { continue };
        let paths = || agent.written.produces.iter().map(|artifact| artifact.path.value.as_str());
        if paths().any(|path| path == expected.path.value) {
            continue;
        }
        let name = &agent.name.value;
        let maker = scenario
            .agents()
            .find(|agent| agent.written.produces.iter().any(|artifact| artifact.path == expected.path));
        let help = match maker {
            Some(maker) => format!("`{}` makes it: write `agent: {}`", maker.name.value, maker.name.value),
            None => did_you_mean(&expected.path, paths())
                .unwrap_or_else(|| format!("add it to `produces` of `{name}`, or remove the expectation")),
        };
        found.push(
            Diagnostic::error(RULE.code, expected.path.span, format!("`{name}` does not make `{}`", expected.path.value))
                .label("no run can show it")
                .because(agent.name.span, "the agent it is expected of")
                .help(help),
        );
    }
}

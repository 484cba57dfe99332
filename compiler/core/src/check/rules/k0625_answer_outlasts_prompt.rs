//! K0625: an answer is shorter than the run it belongs to. Not here: how long a wait may be, which follows from it.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::quantity::Duration;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(625), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(prompt) = &scenario.scenario.prompt else { return };
    let run = prompt.timeout.value;
    for agent in scenario.agents().filter(|agent| agent.answers_unattended()) {
        let answer = Duration { seconds: agent.respond.seconds };
        if answer < run {
            continue;
        }
        found.push(
            Diagnostic::error(
                RULE.code,
                agent.respond.span.unwrap_or(agent.name.span),
                format!("an answer of `{}` may outlast the run", agent.name.value),
            )
            .label(format!("{answer} for one answer"))
            .because(prompt.timeout.span, format!("{run} for the whole run"))
            .help("write a `respond.timeout` shorter than `prompt.timeout`"),
        );
    }
}

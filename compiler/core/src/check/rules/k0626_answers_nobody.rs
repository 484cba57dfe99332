//! K0626: an agent that answers messages nobody may send. Not here: links to agents that never read (K0618).

use kars_scenario::agent::RespondMode;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(626), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        // What `defaults` say is meant for those that are written to.
        let written = agent.written.respond.as_ref().filter(|respond| respond.mode.value == RespondMode::Auto);
        let Some(respond) = written.filter(|_| scenario.edges.to(&agent.name.value).next().is_none()) else { continue };
        let name = &agent.name.value;
        found.push(
            Diagnostic::warning(RULE.code, respond.span, format!("nobody may write to `{name}`"))
                .label("so it has nothing to answer")
                .help(format!("add a link to `{name}`, or remove `respond`")),
        );
    }
}

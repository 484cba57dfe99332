//! K0617: mesh tools of an agent that has nobody to talk to. Not here: links without tools (K0618).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(617), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let name = &agent.name.value;
        let linked = scenario.edges.from(name).next().is_some() || scenario.edges.to(name).next().is_some();
        let Some((_, granted)) = agent.tool_of_set("kars.mesh").filter(|_| !linked) else { continue };
        found.push(
            Diagnostic::warning(RULE.code, granted.span, format!("`{name}` has mesh tools and no link"))
                .label("they would answer that there is no peer")
                .because(agent.name.span, "no link begins or ends here")
                .help(format!("add a link from or to `{name}`, or remove the tools")),
        );
    }
}

//! K0704: an agent asks for an isolation level that the environment offers. Not here: how strong it is there (K0705).

use kars_scenario::agent::Isolation;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(704), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let environment = scenario.target.environment;
    let levels = environment.isolation.as_ref();
    let enhanced = levels.is_some_and(|levels| levels.enhanced.is_some());
    let confidential = levels.is_some_and(|levels| levels.confidential.is_some());
    for agent in scenario.agents() {
        let (offered, level, add) = match agent.isolation {
            Isolation::Standard => continue,
            Isolation::Enhanced => (enhanced, "enhanced", "enhanced: { seccomp: profiles/… }"),
            Isolation::Confidential => (confidential, "confidential", "confidential: { runtimeClass: … }"),
        };
        if offered {
            continue;
        }
        let name = &environment.metadata.name.value;
        let span = agent.isolation_span.unwrap_or(agent.name.span);
        found.push(
            Diagnostic::error(RULE.code, span, format!("`{name}` offers no `{level}` isolation"))
                .help(format!("build for another environment, or add `isolation: {{ {add} }}` to `{name}` where its nodes have it")),
        );
    }
}

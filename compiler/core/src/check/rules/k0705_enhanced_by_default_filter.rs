//! K0705: `enhanced` isolation is more than `standard`. Not here: environments without it (K0704).

use kars_scenario::agent::Isolation;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(705), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(enhanced) = scenario.target.environment.isolation.as_ref().and_then(|levels| levels.enhanced.as_ref()) else {
        return;
    };
    if enhanced.seccomp.value != "RuntimeDefault" {
        return;
    }
    let new = if scenario.is_prod() { Diagnostic::error } else { Diagnostic::warning };
    for agent in scenario.agents().filter(|agent| agent.isolation == Isolation::Enhanced) {
        let span = agent.isolation_span.unwrap_or(agent.name.span);
        found.push(
            new(RULE.code, span, "`enhanced` isolation is no stronger than `standard` here".to_owned())
                .because(enhanced.seccomp.span, "this is the filter that every container has")
                .help("install a stricter profile on the nodes and name it in the environment"),
        );
    }
}

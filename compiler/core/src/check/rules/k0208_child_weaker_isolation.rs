//! K0208: a child in a weaker sandbox than its parent. Not here: whether the environment has the level.

use kars_scenario::agent::Isolation;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(208), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for child in scenario.agents() {
        let Some(parent) = child.written.parent.as_ref().and_then(|parent| scenario.agents.get(&parent.value)) else {
            continue;
        };
        if child.isolation < parent.isolation {
            found.push(weaker(child, parent));
        }
    }
}

fn weaker(child: &Agent<'_>, parent: &Agent<'_>) -> Diagnostic {
    let (name, above) = (&child.name.value, &parent.name.value);
    let (has, wants) = (word(child.isolation), word(parent.isolation));
    Diagnostic::error(
        RULE.code,
        child.isolation_span.unwrap_or(child.name.span),
        format!("`{name}` is isolated less than its parent"),
    )
    .label(format!("`{name}` has `isolation: {has}`"))
    .because(
        parent.isolation_span.unwrap_or(parent.name.span),
        format!("its parent `{above}` has `isolation: {wants}`"),
    )
    .help(format!("set `isolation: {wants}` at `{name}`: what a parent hands down must not leave its walls"))
}

fn word(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Standard => "standard",
        Isolation::Enhanced => "enhanced",
        Isolation::Confidential => "confidential",
    }
}

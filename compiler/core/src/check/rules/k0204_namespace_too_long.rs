//! K0204: `kars-<scenario>--<agent>` is the name of a namespace and must fit one. Not here: the form of each name.

use kars_contract::name::Namespace;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(204), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let name = &scenario.scenario.metadata.name;
    for agent in scenario.agents().filter(|agent| Namespace::of(name, agent.name).is_err()) {
        let namespace = format!("kars-{}--{}", name.value, agent.name.value);
        found.push(
            Diagnostic::error(
                RULE.code,
                agent.name.span,
                format!("the namespace of `{}` is too long", agent.name.value),
            )
            .label(format!("`{namespace}` has {} characters, and a namespace at most 63", namespace.len()))
            .because(name.span, "the scenario's name is part of it")
            .help("shorten one of the two names"),
        );
    }
}

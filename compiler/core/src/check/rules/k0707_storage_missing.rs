//! K0707: in production a router's state outlives its pod. Not here: whether the class exists in the cluster.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(707), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let environment = scenario.target.environment;
    if !scenario.is_prod() || environment.storage.is_some() {
        return;
    }
    let name = &environment.metadata.name;
    found.push(
        Diagnostic::error(RULE.code, name.span, format!("`{}` has no storage class", name.value))
            .label("a restart would forget what was spent, the audit chain and the accepted serial")
            .help("add `storage: { class: … }` with a storage class of the cluster"),
    );
}

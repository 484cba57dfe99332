//! K0505: in production the environment says which hosts each secret may be sent to. Not here: whether they are the right ones.

use std::collections::{BTreeMap, BTreeSet};

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::Secrets;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(505), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if !scenario.is_prod() {
        return;
    }
    let environment = scenario.target.environment;
    let unbound = BTreeMap::new();
    let bind = environment.secrets.as_ref().map_or(&unbound, |Secrets { bind, .. }| bind);
    let mut told = BTreeSet::new();
    for receiver in scenario.receivers() {
        if bind.contains_key(receiver.secret.as_str()) || !told.insert(receiver.secret.span) {
            continue;
        }
        let (secret, name) = (&receiver.secret.value, &environment.metadata.name.value);
        found.push(
            Diagnostic::error(RULE.code, receiver.secret.span, format!("the secret `{secret}` is bound to no host"))
                .label(format!("`{name}` does not say where it may be sent"))
                .because(receiver.place, "it would be sent here")
                .help(format!("add `secrets: {{ bind: {{ {secret}: [\"{}\"] }} }}` to the environment `{name}`", receiver.host)),
        );
    }
}

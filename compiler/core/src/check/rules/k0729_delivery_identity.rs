//! K0729: who may write in a scenario's namespaces is a service account. Not here: whether it exists.

use kars_contract::name::Namespace;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::Delivery;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(729), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if let Some(delivery) = &scenario.target.environment.delivery {
        identities(delivery, found);
    }
}

/// Notes identities that are no service accounts. The platform's policies are made from them.
pub(crate) fn identities(delivery: &Delivery, found: &mut Found) {
    for (name, identity) in &delivery.identities {
        let parts = identity.split_once('/');
        if parts.is_some_and(|(namespace, account)| [namespace, account].iter().all(|part| Namespace::parse(part).is_ok())) {
            continue;
        }
        found.push(
            Diagnostic::error(RULE.code, identity.span, format!("`{}` is no service account", identity.value))
                .because(name.span, "it delivers this scenario")
                .help("write `namespace/serviceaccount`"),
        );
    }
}

//! K0712: External Secrets is told its store. Not here: what is in the store.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::SecretSource;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(712), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(secrets) = &scenario.target.environment.secrets else { return };
    let Some(from) = &secrets.from else { return };
    let external = from.value == SecretSource::ExternalSecrets;
    match &secrets.store {
        None if external => found.push(
            Diagnostic::error(RULE.code, from.span, "secrets come from External Secrets, but from no store")
                .help("add `secrets.store`, the name of a ClusterSecretStore"),
        ),
        Some(store) if !external => found.push(
            Diagnostic::error(RULE.code, store.span, format!("the store `{}` is not asked", store.value))
                .because(from.span, "secrets come from here")
                .help("set `from: external-secrets`, or remove the store"),
        ),
        _ => {}
    }
}

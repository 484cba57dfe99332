//! K0506: a secret goes only to hosts that the environment binds it to. Not here: secrets that are bound to none (K0505).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(506), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(secrets) = &scenario.target.environment.secrets else { return };
    for receiver in scenario.receivers() {
        let Some(hosts) = secrets.bind.get(receiver.secret.as_str()) else { continue };
        if hosts.iter().any(|pattern| pattern.covers(&receiver.host)) {
            continue;
        }
        let (secret, host) = (&receiver.secret.value, &receiver.host);
        let mut diagnostic =
            Diagnostic::error(RULE.code, receiver.place, format!("the secret `{secret}` may not be sent to `{host}`"))
                .because(receiver.secret.span, "it would be shown there")
                .help("correct the address, use another secret, or bind the host in the environment");
        for pattern in hosts {
            diagnostic = diagnostic.because(pattern.span, "it is bound to this host");
        }
        found.push(diagnostic);
    }
}

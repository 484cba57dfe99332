//! K0308: a learning window in production. Not here: how long it lasts (K0309, K0312).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(308), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if !scenario.is_prod() {
        return;
    }
    for learn in scenario.agents().filter_map(|agent| agent.written.learn.as_ref()) {
        let environment = &scenario.target.environment.metadata.name.value;
        found.push(
            Diagnostic::error(RULE.code, learn.span, "learning is for development")
                .label(format!("every public host would be open, and `{environment}` is for production"))
                .help("learn in a `dev` environment, then write the hosts under `egress` and remove `learn`"),
        );
    }
}

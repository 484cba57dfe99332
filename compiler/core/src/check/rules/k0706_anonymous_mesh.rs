//! K0706: in production an agent's name is bound to its key. Not here: what binds it.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::MeshIdentity;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(706), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(mesh) = &scenario.target.environment.mesh else { return };
    let Some(edge) = scenario.edges.all.first() else { return };
    if !scenario.is_prod() || mesh.identity.value != MeshIdentity::Anonymous {
        return;
    }
    found.push(
        Diagnostic::error(RULE.code, mesh.identity.span, "nothing binds an agent's name to its key")
            .label("anybody in the mesh could answer under any name")
            .because(edge.span, "messages are sent over links such as this one")
            .help("set `mesh: { identity: workload }`"),
    );
}

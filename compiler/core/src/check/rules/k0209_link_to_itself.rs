//! K0209: an agent linked to itself. Not here: links written twice (K0210).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(209), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for edge in scenario.edges.all.iter().filter(|edge| edge.from.value == edge.to.value) {
        found.push(
            Diagnostic::error(RULE.code, edge.to.span, format!("`{}` is linked to itself", edge.to.value))
                .because(edge.from.span, "the sender")
                .help("remove it from `to`; an agent needs no link to keep what it knows"),
        );
    }
}

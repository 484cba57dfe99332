//! K0210: two links for the same sender and receiver. Not here: the way back, which is a link of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(210), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut first = BTreeMap::new();
    for edge in &scenario.edges.all {
        match first.entry((&edge.from.value, &edge.to.value)) {
            Entry::Vacant(entry) => {
                entry.insert(edge.to.span);
            }
            Entry::Occupied(entry) => found.push(
                Diagnostic::error(
                    RULE.code,
                    edge.to.span,
                    format!("`{}` is linked to `{}` twice", edge.from.value, edge.to.value),
                )
                .because(*entry.get(), "first linked here")
                .help("keep one link, with the `replies` and `files` of both"),
            ),
        }
    }
}

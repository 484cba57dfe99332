//! K0510: a model falls back to others, and to each once. Not here: whether they can answer (K0508).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::model::Fallback;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(510), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, model) in &scenario.scenario.models {
        let Some(Fallback::Models(next)) = &model.fallback else { continue };
        let mut seen = BTreeMap::from([(&name.value, name.span)]);
        for spare in next {
            let Some(before) = seen.insert(&spare.value, spare.span) else { continue };
            found.push(
                Diagnostic::error(RULE.code, spare.span, format!("`{}` is tried twice for `{}`", spare.value, name.value))
                    .because(before, "it was tried before")
                    .help("remove it"),
            );
        }
    }
}

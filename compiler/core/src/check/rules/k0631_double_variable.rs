//! K0631: an environment variable that is set twice. Not here: names that the runtime sets (K0629).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::check::environment_variables::lists;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(631), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for list in lists(scenario) {
        let mut seen = BTreeMap::new();
        for variable in list {
            let name = &variable.name;
            let Some(first) = seen.insert(name.as_str(), name.span) else { continue };
            found.push(
                Diagnostic::error(RULE.code, name.span, format!("`{}` is set twice", name.value))
                    .because(first, "also here")
                    .help("remove one of them"),
            );
        }
    }
}

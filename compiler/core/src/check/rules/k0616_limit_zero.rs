//! K0616: a limit of no calls is a deny in disguise. Not here: windows, which are never zero by their type.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::rule::Rule as Written;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(616), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.scenario.rules.iter().flat_map(|(_, rules)| rules) {
        let Written::Limit(limit) = &rule.value else { continue };
        if limit.calls.value == 0 {
            found.push(
                Diagnostic::error(RULE.code, limit.calls.span, format!("`{}` may be called 0 times", limit.limit.value))
                    .help(format!("write `deny: {}` instead, or do not grant the tool", limit.limit.value)),
            );
        }
    }
}

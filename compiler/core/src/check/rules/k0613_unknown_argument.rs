//! K0613: a condition on an argument that the tool does not have. Not here: its type (K0614).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::check::conditions::conditions;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(613), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for condition in conditions(scenario) {
        let arguments = condition.tools.iter().flat_map(|tool| &tool.args);
        let mut known: Vec<_> = arguments
            .filter(|(_, argument)| argument.in_version(condition.version))
            .map(|(name, _)| name.as_str())
            .collect();
        if known.contains(&condition.argument) {
            continue;
        }
        known.sort_unstable();
        known.dedup();
        let of = condition.version.map_or_else(
            || format!("`{}`", condition.kind),
            |version| format!("`{}` {version}", condition.kind),
        );
        let names: Vec<_> = condition.tools.iter().map(|tool| format!("`{}`", tool.id.value)).collect();
        let help = did_you_mean(condition.argument, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => "remove the condition: the tool has no arguments".to_owned(),
            known => format!("name one of its arguments: `{}`", known.join("`, `")),
        });
        found.push(
            Diagnostic::error(
                RULE.code,
                condition.matcher.span,
                format!("{} has no argument `{}`", names.join(", "), condition.argument),
            )
            .label(format!("no call under {of} can have it"))
            .help(help),
        );
    }
}

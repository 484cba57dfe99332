//! K0612: a condition on an argument is one matcher. Not here: whether it can hold (K0642).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::rule::Matcher;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(612), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.scenario.rules.iter().flat_map(|(_, rules)| rules) {
        for (name, matcher) in rule.when().into_iter().flat_map(|when| &when.args) {
            let written = keys(matcher);
            if written.len() == 1 {
                continue;
            }
            let label = match written.as_slice() {
                [] => "nothing is said of it".to_owned(),
                written => format!("{} are written together", written.join(" and ")),
            };
            let help = "keep one of `program`, `under`, `oneOf`, `prefix` and `max`; for two conditions write two rules";
            found.push(
                Diagnostic::error(RULE.code, matcher.span, format!("the condition on `{name}` has not exactly one key"))
                    .label(label)
                    .help(help),
            );
        }
    }
}

fn keys(matcher: &Matcher) -> Vec<&'static str> {
    let Matcher { program, under, one_of, prefix, max } = matcher;
    let keys = [
        ("`program`", program.is_some()),
        ("`under`", under.is_some()),
        ("`oneOf`", one_of.is_some()),
        ("`prefix`", prefix.is_some()),
        ("`max`", max.is_some()),
    ];
    keys.into_iter().filter(|(_, written)| *written).map(|(key, _)| key).collect()
}

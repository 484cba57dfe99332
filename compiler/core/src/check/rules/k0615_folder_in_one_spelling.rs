//! K0615: a folder in a rule is absolute and spelt in one way, and what is allowed to be written can be written.
//! Not here: the paths that agents ask for, which the router compares.

use kars_contract::router::ArgumentMatcher;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::rule::Rule as Written;
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(615), check };

/// The folders of the agent's container that are not read-only.
const WRITABLE: [&str; 2] = ["/sandbox", "/tmp"];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.scenario.rules.iter().flat_map(|(_, rules)| rules) {
        for (name, matcher) in rule.when().into_iter().flat_map(|when| &when.args) {
            let Some(folder) = &matcher.under else { continue };
            if !is_plain(&folder.value) {
                found.push(
                    Diagnostic::error(RULE.code, folder.span, format!("`{}` is not a folder", folder.value))
                        .label("nothing lies under it")
                        .help("write an absolute path without `.`, `..` or double slashes, such as `/sandbox/incoming`"),
                );
            } else if let Written::Allow(allow) = &rule.value
                && writes(scenario, allow.allow.value.to_string().as_str(), name)
                && !WRITABLE.iter().any(|writable| overlap(writable, &folder.value))
            {
                found.push(read_only(folder));
            }
        }
    }
}

fn is_plain(folder: &str) -> bool {
    ArgumentMatcher::Under(folder.to_owned()).is_meaningful()
}

fn writes(scenario: &Resolved<'_>, tool: &str, argument: &str) -> bool {
    scenario.catalog.tools.get(tool).is_some_and(|tool| tool.writes.as_deref() == Some(argument))
}

/// Whether one folder lies in the other.
fn overlap(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

fn read_only(folder: &Spanned<String>) -> Diagnostic {
    Diagnostic::error(RULE.code, folder.span, format!("nothing can be written under `{}`", folder.value))
        .label("the agent's container is read-only here")
        .help(format!("allow a folder under `{}`", WRITABLE.join("` or `")))
}

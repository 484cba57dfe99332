//! K0642: a condition that no argument can fit. Not here: its type (K0614), and folders (K0615).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::rule::Matcher;
use kars_scenario::span::{Span, Spanned};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(642), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.scenario.rules.iter().flat_map(|(_, rules)| rules) {
        for (name, matcher) in rule.when().into_iter().flat_map(|when| &when.args) {
            for (span, why, help) in faults(matcher) {
                found.push(
                    Diagnostic::error(RULE.code, span, format!("the condition on `{name}` never holds"))
                        .label(why)
                        .help(help),
                );
            }
        }
    }
}

fn faults(matcher: &Spanned<Matcher>) -> Vec<(Span, &'static str, &'static str)> {
    let Matcher { program, under: _, one_of, prefix: _, max: _ } = &matcher.value;
    let mut faults = Vec::new();
    if program.as_ref().is_some_and(Vec::is_empty) || one_of.as_ref().is_some_and(Vec::is_empty) {
        faults.push((matcher.span, "the list is empty", "list what may be said, or write a `deny` for the tool"));
    }
    let words = program.iter().flatten().filter(|name| name.is_empty() || name.contains(char::is_whitespace));
    faults.extend(words.map(|name| {
        (name.span, "a program is one word of a command line", "name the program alone, without its arguments")
    }));
    faults
}

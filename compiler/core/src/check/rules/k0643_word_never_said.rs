//! K0643: a word that an argument can never be. Not here: arguments that take any text.

use kars_scenario::catalog::{Argument, Choices};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::check::conditions::conditions;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(643), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for condition in conditions(scenario) {
        let arguments = condition.tools.iter().filter_map(|tool| tool.args.get(condition.argument));
        let sets: Option<Vec<Vec<&str>>> = arguments.map(|argument| choices(argument, scenario)).collect();
        let Some(known) = sets.map(|sets| sets.concat()).filter(|known| !known.is_empty()) else { continue };
        for word in condition.matcher.one_of.iter().flatten().filter(|word| !known.contains(&word.value.as_str())) {
            let help = did_you_mean(&word.value, known.iter().copied())
                .unwrap_or_else(|| format!("use one of `{}`", known[..known.len().min(12)].join("`, `")));
            found.push(
                Diagnostic::error(
                    RULE.code,
                    word.span,
                    format!("`{}` is never `{}`", condition.argument, word.value),
                )
                .help(help),
            );
        }
    }
}

/// The words an argument may be; nothing where it takes any text.
fn choices<'a>(argument: &'a Argument, scenario: &'a Resolved<'_>) -> Option<Vec<&'a str>> {
    match argument.choices.as_ref()? {
        Choices::Words(words) => Some(words.iter().map(String::as_str).collect()),
        Choices::Names(_) => Some(scenario.agents().map(|agent| agent.name.as_str()).collect()),
    }
}

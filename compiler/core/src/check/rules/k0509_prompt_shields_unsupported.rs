//! K0509: prompt shields are asked only of providers that send their verdict. Not here: the other categories.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(509), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (_, model) in &scenario.scenario.models {
        let Some(safety) = model.safety.as_ref().filter(|safety| safety.prompt_shields) else { continue };
        if scenario.catalog.providers.get(&model.provider.value).is_some_and(|provider| provider.prompt_shields) {
            continue;
        }
        let word = model.provider.value.as_str();
        found.push(
            Diagnostic::error(RULE.code, safety.span, format!("`{word}` sends no verdict of prompt shields"))
                .label("the router would refuse every answer")
                .because(model.provider.span, "the model is served here")
                .help("set `promptShields: false`, or use a provider that sends the verdict"),
        );
    }
}

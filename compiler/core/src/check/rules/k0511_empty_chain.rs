//! K0511: `fallback: auto` stands for at least one other deployment. Not here: fallbacks that are named.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::model::Fallback;

use crate::check::Rule;
use crate::resolve::Resolved;
use crate::resolve::models::chain;

pub(super) const RULE: Rule = Rule { code: Code(511), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (_, model) in &scenario.scenario.models {
        let Some(Fallback::Auto(auto)) = &model.fallback else { continue };
        let Some(known) = scenario.catalog.model(model.provider.value, model.deployment.as_str()) else { continue };
        if chain(scenario.catalog, model).next().is_some() {
            continue;
        }
        let (provider, dialect) = (model.provider.value.as_str(), known.dialect.as_str());
        found.push(
            Diagnostic::error(RULE.code, auto.span, format!("the catalog has no fallback for `{}`", model.deployment.value))
                .label(format!("the chain of `{provider}` has no other deployment that speaks `{dialect}`"))
                .help("name the models to fall back to, or remove the line"),
        );
    }
}

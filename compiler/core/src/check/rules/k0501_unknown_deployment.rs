//! K0501: every deployment is one that the model catalogs know. Not here: its address and its credential.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(501), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (_, model) in &scenario.scenario.models {
        let (provider, deployment) = (model.provider.value, model.deployment.as_str());
        if scenario.catalog.model(provider, deployment).is_some() {
            continue;
        }
        let models = scenario.catalog.providers.get(&provider).map(|provider| provider.models.as_slice());
        let known = models.unwrap_or_default().iter().map(|model| model.deployment.as_str());
        let add = format!("describe it in `catalog/models/{}.yaml` beside the scenario", provider.as_str());
        let help = did_you_mean(deployment, known).map_or_else(|| add.clone(), |meant| format!("{meant} otherwise {add}"));
        found.push(
            Diagnostic::error(RULE.code, model.deployment.span, format!("no deployment is called `{deployment}`"))
                .label("its dialect and context length are unknown")
                .because(model.provider.span, format!("the catalog of `{}` does not list it", provider.as_str()))
                .help(help),
        );
    }
}

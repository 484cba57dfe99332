//! K0508: an agent and all models that may answer it speak dialects that translate to each other. Not here: agents without a model.

use kars_contract::router::Dialect;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::model::Fallback;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(508), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    agents(scenario, found);
    fallbacks(scenario, found);
}

fn agents(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let (Some(model), Some(runtime)) = (&agent.model, &agent.runtime) else { continue };
        let spoken = &runtime.descriptor.dialects;
        let Some((first, known)) = model.candidates.first().and_then(|first| Some((first, first.known?))) else { continue };
        if spoken.is_empty() || spoken.iter().any(|dialect| dialect.translates_to(known.dialect)) {
            continue;
        }
        let words: Vec<_> = spoken.iter().map(|dialect| format!("`{}`", dialect.as_str())).collect();
        let (kind, dialect) = (runtime.kind(), known.dialect.as_str());
        found.push(
            Diagnostic::error(RULE.code, model.named.span, format!("`{kind}` does not speak the dialect `{dialect}`"))
                .because(first.model.deployment.span, format!("this deployment speaks `{dialect}` alone"))
                .because(runtime.written.kind.span, format!("it speaks {}", words.join(", ")))
                .help("use a model that speaks one of the runtime's dialects, or another runtime"),
        );
    }
}

fn fallbacks(scenario: &Resolved<'_>, found: &mut Found) {
    let models = &scenario.scenario.models;
    let dialect = |name| {
        let model = models.get(name)?;
        Some(scenario.catalog.model(model.provider.value, model.deployment.as_str())?.dialect)
    };
    for (name, model) in models {
        let (Some(Fallback::Models(next)), Some(own)) = (&model.fallback, dialect(&name.value)) else { continue };
        for spare in next {
            let Some(other) = dialect(&spare.value).filter(|other| !other.translates_to(own)) else { continue };
            let words = [own, other].map(Dialect::as_str);
            found.push(
                Diagnostic::error(RULE.code, spare.span, format!("`{}` cannot answer for `{}`", spare.value, name.value))
                    .label(format!("it speaks `{}`", words[1]))
                    .because(model.deployment.span, format!("requests that are repeated are in `{}`", words[0]))
                    .help("fall back to a model of the same dialect, or of one that the router translates"),
            );
        }
    }
}

//! K0602: a tool that the model's provider hosts needs a model of such a provider. Not here: whether the tool exists.

use std::collections::BTreeMap;

use kars_contract::router::Dialect;
use kars_scenario::catalog::Tool;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::{Agent, Candidate, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(602), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let first = agent.model.as_ref().and_then(|model| model.candidates.first());
        let mut unserved: BTreeMap<Span, Vec<&Tool>> = BTreeMap::new();
        for granted in agent.tools.values() {
            let Some(tool) = granted.tool.filter(|tool| is_hosted(tool)) else { continue };
            if !first.is_some_and(|model| serves(model, tool)) {
                unserved.entry(granted.span).or_default().push(tool);
            }
        }
        for (span, tools) in unserved {
            found.push(diagnostic(agent, first, span, &tools, scenario));
        }
    }
}

fn is_hosted(tool: &Tool) -> bool {
    tool.providers.is_some() || tool.id.provider() == "foundry"
}

fn serves(model: &Candidate<'_>, tool: &Tool) -> bool {
    let listed = tool.providers.as_ref().is_none_or(|providers| providers.contains(&model.model.provider));
    listed && model.provider.is_none_or(|provider| provider.foundry_tools) && lacks(model, tool).is_none()
}

/// The API that the tool is asked over, where the model does not offer it.
fn lacks(model: &Candidate<'_>, tool: &Tool) -> Option<Dialect> {
    tool.api.filter(|api| model.known.is_some_and(|known| !known.offers(*api)))
}

fn diagnostic(
    agent: &Agent<'_>,
    model: Option<&Candidate<'_>>,
    span: Span,
    tools: &[&Tool],
    scenario: &Resolved<'_>,
) -> Diagnostic {
    let names: Vec<_> = tools.iter().map(|tool| format!("`{}`", tool.id.value)).collect();
    let message = format!("nobody serves {} to `{}`", names.join(", "), agent.name.value);
    let diagnostic = Diagnostic::error(RULE.code, span, message);
    let Some(model) = model else {
        return diagnostic
            .label("the model's provider serves it, and there is no model")
            .because(agent.name.span, "this agent has no model")
            .help("give the agent a `model`, or remove the tool");
    };
    if model.provider.is_none_or(|provider| provider.foundry_tools)
        && let Some(api) = tools.iter().find_map(|tool| lacks(model, tool))
    {
        return diagnostic
            .label(format!("the provider hosts it for models that offer `{}`", api.as_str()))
            .because(model.model.deployment.span, format!("`{}` does not offer it", model.deployment))
            .help(format!("use a deployment that offers `{}`, or remove the tool", api.as_str()));
    }
    let serving = scenario.scenario.models.iter().find(|(_, entry)| {
        let provider = scenario.catalog.providers.get(&entry.provider.value);
        provider.is_none_or(|provider| provider.foundry_tools)
            && tools.iter().all(|tool| tool.providers.as_ref().is_none_or(|known| known.contains(&entry.provider)))
    });
    let help = match serving {
        Some((name, _)) => format!("use the model `{}`, whose provider serves it, or remove the tool", name.value),
        None => "use a model of `azure-foundry`, or remove the tool".to_owned(),
    };
    diagnostic
        .label("the model's provider does not serve it")
        .because(model.model.provider.span, "this provider answers the agent's calls")
        .help(help)
}

//! K0301: an agent may not reach a model provider by itself. Not here: whether the provider exists.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Agent, EgressRule, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(301), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        for rule in agent.egress.iter().filter(|rule| opens_provider(scenario, rule)) {
            found.push(provider_in_egress(agent, rule));
        }
    }
}

fn opens_provider(scenario: &Resolved<'_>, rule: &EgressRule<'_>) -> bool {
    let mut hosts = scenario.catalog.providers.values().flat_map(|provider| &provider.hosts);
    hosts.any(|host| host.covers(rule.host) || rule.host.covers(host))
}

fn provider_in_egress(agent: &Agent<'_>, rule: &EgressRule<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::error(RULE.code, rule.span, "egress to a model provider")
        .label(format!("calls to `{}` would skip the token budget", rule.host))
        .help("remove the host; the router calls providers on the agent's behalf");
    match &agent.model {
        Some(model) => diagnostic.because(model.named.span, "the router reaches the agent's model from here"),
        None => diagnostic,
    }
}

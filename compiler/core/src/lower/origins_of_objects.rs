//! Which lines of the scenario each object of an agent comes from.

use kars_scenario::span::Span;

use crate::resolve::{Agent, Resolved};

/// The lines behind an object, by the number that its file's name starts with.
pub(crate) fn of(scenario: &Resolved<'_>, agent: &Agent<'_>, file: &str) -> Vec<String> {
    let mut spans = vec![agent.name.span];
    match file.get(..2) {
        Some("00") => spans.extend(agent.isolation_span),
        Some("15") => spans.extend(credentials(agent)),
        Some("21") => spans.extend(flows(scenario, agent)),
        Some("30" | "32") => {
            spans.extend(flows(scenario, agent));
            spans.extend(agent.patterns.iter().map(|pattern| pattern.span));
            spans.extend(agent.rules.iter().map(|rule| rule.span));
            spans.extend(agent.budget.map(|budget| budget.span));
        }
        Some("34") => {
            spans.extend(agent.runtime.as_ref().map(|runtime| runtime.written.span));
            spans.extend(agent.persona.map(|persona| persona.span));
            spans.extend(agent.patterns.iter().map(|pattern| pattern.span));
        }
        Some("50") => {
            spans.extend(agent.runtime.as_ref().map(|runtime| runtime.written.span));
            spans.extend(agent.isolation_span);
            spans.extend(agent.resources.map(|resources| resources.span));
            spans.extend(agent.placement.map(|placement| placement.span));
            spans.extend(agent.env.iter().map(|variable| variable.span));
        }
        _ => {}
    }
    lines(scenario, spans)
}

/// The lines behind every object of the mesh: the links.
pub(crate) fn of_mesh(scenario: &Resolved<'_>) -> Vec<String> {
    lines(scenario, scenario.edges.all.iter().map(|edge| edge.span).collect())
}

fn lines(scenario: &Resolved<'_>, mut spans: Vec<Span>) -> Vec<String> {
    let first = spans.remove(0);
    spans.sort_unstable();
    spans.dedup();
    spans.retain(|span| *span != first);
    std::iter::once(first).chain(spans).map(|span| super::origins::origin(scenario.sources, span).to_string()).collect()
}

fn credentials(agent: &Agent<'_>) -> Vec<Span> {
    let models =
        agent.model.iter().flat_map(|model| &model.candidates).map(|candidate| candidate.model.credential.span);
    let servers =
        agent.mcp.iter().filter_map(|(_, server)| server.credential.as_ref()).map(|credential| credential.span);
    models.chain(servers).chain(agent.channels.iter().map(|(name, _)| name.span)).collect()
}

fn flows(scenario: &Resolved<'_>, agent: &Agent<'_>) -> Vec<Span> {
    let name = &agent.name.value;
    let links = scenario.edges.from(name).chain(scenario.edges.to(name)).map(|edge| edge.span);
    let model = agent.model.as_ref().map(|model| model.named.span);
    let servers = agent.mcp.iter().map(|(name, _)| name.span);
    let channels = agent.channels.iter().map(|(name, _)| name.span);
    links.chain(model).chain(servers).chain(channels).chain(agent.egress.iter().map(|rule| rule.span)).collect()
}

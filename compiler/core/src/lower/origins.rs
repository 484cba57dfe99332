//! Which line of the scenario decided each rule of a document.

use std::collections::BTreeMap;

use kars_contract::id::RuleId;
use kars_contract::origins::{Origin, RouterOrigins};
use kars_contract::router::RouterDocument;
use kars_scenario::span::Span;

use crate::resolve::{Agent, Resolved};
use crate::sources::Sources;

pub(super) fn of(scenario: &Resolved<'_>, agent: &Agent<'_>, document: &RouterDocument) -> RouterOrigins {
    let mut rules = BTreeMap::new();
    let mut note = |id: &RuleId, span: Span| {
        rules.insert(id.clone(), origin(scenario.sources, span));
    };
    for rule in &agent.egress {
        note(&rule.id, rule.span);
    }
    for rule in &document.egress {
        let channel =
            rule.channel.as_ref().and_then(|channel| agent.channels.iter().find(|(name, _)| name.value == *channel));
        if let Some((name, _)) = channel {
            note(&rule.id, name.span);
        }
    }
    for tool in &document.tools {
        if let Some(granted) = agent.tools.get(&tool.tool) {
            note(&tool.id, granted.span);
        }
    }
    for rule in &agent.rules {
        note(&rule.id, rule.span);
    }
    for (name, _) in &agent.mcp {
        note(&document.mcp[&name.value].id, name.span);
    }
    for edge in scenario.edges.from(&agent.name.value).chain(scenario.edges.to(&agent.name.value)) {
        note(&RuleId::link(&edge.from.value, &edge.to.value), edge.span);
    }
    for child in &agent.children {
        let parent = scenario.agents[&child.value].written.parent.as_ref();
        note(&RuleId::parent(child), parent.map_or(child.span, |parent| parent.span));
    }
    if let Some(model) = &agent.model {
        for allowed in document.inference.iter().flat_map(|inference| &inference.allowed) {
            note(&allowed.id, model.named.span);
        }
    }
    if let Some((name, _)) = &agent.memory {
        note(&RuleId::memory(&agent.name.value), name.span);
    }
    if let Some(learn) = &agent.written.learn {
        note(&RuleId::learn(&agent.name.value), learn.span);
    }
    if let Some(budget) = agent.budget {
        let fields = [
            ("tokensPerDay", &budget.tokens_per_day),
            ("tokensPerMonth", &budget.tokens_per_month),
            ("tokensPerRequest", &budget.tokens_per_request),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                note(&RuleId::budget(&agent.name.value, field), value.span);
            }
        }
    }
    RouterOrigins { rules }
}

/// A place as documents write it. In an evaluated file it is the field's path, on a line of its own.
pub(crate) fn origin(sources: &Sources, span: Span) -> Origin {
    let source = sources.get(span.file);
    if source.evaluated {
        let path = crate::parse::field_path(&source.text, span);
        return Origin::of(&format!("{}#{path}", source.path), 1, 1).expect("a path without control characters");
    }
    let place = sources.position(span);
    let count = |number: usize| u32::try_from(number).expect("files are limited to 8 MiB");
    Origin::of(&source.path, count(place.line), count(place.column)).expect("a path without control characters")
}

//! K0205: an entry that no agent uses. Not here: names that stand for nothing (K0201).

use std::collections::BTreeSet;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::model::Fallback;
use kars_scenario::name::{Name, Table};
use kars_scenario::scenario::Scenario;
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(205), check };

fn check(resolved: &Resolved<'_>, found: &mut Found) {
    let scenario = resolved.scenario;
    let Scenario { agents, defaults, .. } = scenario;
    let agents = || agents.iter().map(|(_, agent)| agent);
    let models = names(agents().filter_map(|agent| agent.model.as_ref()).chain(&defaults.model));
    let tried_next: Vec<_> = models
        .iter()
        .filter_map(|name| match &scenario.models.get(name)?.fallback {
            Some(Fallback::Models(next)) => Some(next),
            Some(Fallback::Auto(_)) | None => None,
        })
        .flatten()
        .map(|name| &name.value)
        .collect();
    unused("models", &scenario.models, &models.into_iter().chain(tried_next).collect(), found);
    let servers = names(agents().filter_map(|agent| agent.mcp.as_ref()).chain(&defaults.mcp).flatten());
    unused("mcpServers", &scenario.mcp_servers, &servers, found);
    let memories = names(agents().filter_map(|agent| agent.memory.as_ref()));
    unused("memories", &scenario.memories, &memories, found);
    let channels = names(agents().flat_map(|agent| &agent.channels));
    unused("channels", &scenario.channels, &channels, found);
    let sets = names(agents().filter_map(|agent| agent.rules.as_ref()).chain(&defaults.rules).flatten());
    unused("rules", &scenario.rules, &sets, found);
}

fn names<'a>(used: impl Iterator<Item = &'a Spanned<Name>>) -> BTreeSet<&'a Name> {
    used.map(|name| &name.value).collect()
}

fn unused<T>(field: &str, table: &Table<T>, used: &BTreeSet<&Name>, found: &mut Found) {
    for (name, _) in table.iter().filter(|(name, _)| !used.contains(&name.value)) {
        found.push(
            Diagnostic::warning(RULE.code, name.span, format!("`{field}.{}` is not used", name.value))
                .label("no agent names it")
                .help("name it at an agent or in `defaults`, or remove it"),
        );
    }
}

//! K0201: a name that stands for nothing. The message names the table, and the nearest entry.

use kars_contract::name::Name;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Table;
use kars_scenario::scenario::Scenario;
use kars_scenario::span::Spanned;
use kars_scenario::suggest::did_you_mean;

pub(super) const UNRESOLVED: Code = Code(201);

/// The entry a name stands for.
pub(super) fn find<'a, T>(name: &Spanned<Name>, table: &'a Table<T>, field: &str, found: &mut Found) -> Option<&'a T> {
    table.get(name).or_else(|| {
        found.lose(unresolved(name, field, table.iter().map(|(known, _)| known.as_str())));
        None
    })
}

/// Says that a name stands for nothing.
pub(crate) fn unresolved<'n>(
    name: &Spanned<impl AsRef<str>>,
    field: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    let help = did_you_mean(name.as_ref(), known.clone()).unwrap_or_else(|| {
        let known: Vec<_> = known.take(12).map(|name| format!("`{name}`")).collect();
        if known.is_empty() {
            format!("add it under `{field}`")
        } else {
            format!("add it under `{field}`, or use one of {}", known.join(", "))
        }
    });
    Diagnostic::error(UNRESOLVED, name.span, format!("`{}` is not in `{field}`", name.value.as_ref())).help(help)
}

/// Names outside of agents that must stand for something.
pub(super) fn check_unreached(scenario: &Scenario, found: &mut Found) {
    let prompt = scenario.prompt.iter().map(|prompt| &prompt.to);
    let expected = scenario.expect.iter().flat_map(|expect| {
        let artifacts = expect.artifacts.iter().map(|artifact| &artifact.agent);
        artifacts.chain(expect.audit.iter().map(|calls| &calls.agent))
    });
    for name in prompt.chain(expected) {
        find(name, &scenario.agents, "agents", found);
    }
}

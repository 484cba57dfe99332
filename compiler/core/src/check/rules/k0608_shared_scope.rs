//! K0608: a memory scope has one owner unless it says otherwise. Not here: what is in it.

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(608), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut entries = BTreeMap::new();
    for (name, memory) in &scenario.scenario.memories {
        let place = (memory.store.as_str(), memory.scope.as_str());
        let Some((first, shared)) = entries.insert(place, (name, memory.shared)) else { continue };
        if !(shared && memory.shared) {
            let message = format!("`{}` and `{}` are the same memory", first.value, name.value);
            found.push(
                Diagnostic::error(RULE.code, memory.scope.span, message)
                    .label("same store and scope")
                    .because(first.span, "as here")
                    .help("give each its own `scope`, or write `shared: true` at both"),
            );
        }
    }
    let mut owners: BTreeMap<&Name, (&Spanned<Name>, &Spanned<Name>)> = BTreeMap::new();
    for agent in scenario.agents() {
        let Some((named, memory)) = agent.memory.filter(|(_, memory)| !memory.shared) else { continue };
        let Some((owner, place)) = owners.get(&named.value) else {
            owners.insert(&named.value, (agent.name, named));
            continue;
        };
        let message = format!("`{}` and `{}` use the same memory", owner.value, agent.name.value);
        found.push(
            Diagnostic::error(RULE.code, named.span, message)
                .label("each would read and erase what the other keeps")
                .because(place.span, format!("also used by `{}`", owner.value))
                .because(memory.scope.span, "one scope has one owner")
                .help("give each agent a memory with its own `scope`, or write `shared: true` there"),
        );
    }
}

//! K0719: where agents run is not decided by labels that the platform owns. Not here: the form of keys (K0727).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::pod::Placement;
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(719), check };

/// Keys of the nodes' roles and of pools that the environment assigns.
const RESERVED: [&str; 3] = ["kars.azure.com/", "karsc.dev/", "node-role.kubernetes.io/"];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let confidential = scenario.target.environment.isolation.as_ref().and_then(|levels| levels.confidential.as_ref());
    let assigned = |key: &str| confidential.is_some_and(|level| level.node_selector.contains_key(key));
    let written = scenario.scenario.agents.iter().filter_map(|(_, agent)| agent.placement.as_ref());
    for placement in written.chain(&scenario.scenario.defaults.placement) {
        let Placement { node_selector, tolerations, priority_class_name } = &placement.value;
        let selected = node_selector.iter().map(|(key, value)| (key.as_str(), value.span));
        let tolerated = tolerations.iter().map(|toleration| (toleration.key.as_str(), toleration.key.span));
        for (key, span) in selected.chain(tolerated) {
            if key.is_empty() || assigned(key) || RESERVED.iter().any(|prefix| key.starts_with(prefix)) {
                found.push(reserved(key, span));
            }
        }
        if let Some(class) = priority_class_name.as_ref().filter(|class| class.starts_with("system-")) {
            found.push(
                Diagnostic::error(RULE.code, class.span, format!("the priority `{}` is for the cluster itself", class.value))
                    .help("use a priority class of the team's own"),
            );
        }
    }
}

fn reserved(key: &str, span: Span) -> Diagnostic {
    if key.is_empty() {
        return Diagnostic::error(RULE.code, span, "a toleration without a key puts up with every taint")
            .help("name the taint");
    }
    Diagnostic::error(RULE.code, span, format!("`{key}` belongs to the platform"))
        .help("use a label of the nodes that the team owns; the environment places isolation levels")
}

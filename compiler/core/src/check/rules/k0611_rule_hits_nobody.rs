//! K0611: a rule on tools that no agent with that set has. Not here: tools that do not exist (K0610).

use std::collections::BTreeMap;

use kars_contract::tool::ToolPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(611), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut hit = BTreeMap::new();
    for agent in scenario.agents() {
        for used in &agent.rules {
            let (_, hit) = hit.entry(used.span).or_insert((used, false));
            *hit = *hit || has_one_of(agent, used.rule.tools());
        }
    }
    for (used, _) in hit.into_values().filter(|(_, hit)| !hit) {
        let pattern = used.rule.tools();
        if !scenario.knows_tool(pattern) {
            continue;
        }
        let message = format!("no agent with the rules `{}` has `{}`", used.set.value, pattern.value);
        found.push(
            Diagnostic::warning(RULE.code, pattern.span, message)
                .because(used.set.span, "the set is used here")
                .help("remove the rule, or grant the tool"),
        );
    }
}

fn has_one_of(agent: &Agent<'_>, pattern: &ToolPattern) -> bool {
    match pattern {
        ToolPattern::Exact(tool) => agent.tools.contains_key(tool),
        ToolPattern::Set(set) => agent.tool_of_set(set).is_some(),
    }
}

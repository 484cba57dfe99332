//! K0610: a rule on a tool that does not exist. Not here: tools that exist and that nobody has (K0611).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(610), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.scenario.rules.iter().flat_map(|(_, rules)| rules) {
        let pattern = rule.tools();
        if scenario.knows_tool(pattern) {
            continue;
        }
        let text = pattern.value.to_string();
        let help = scenario
            .similar_tool(&text)
            .unwrap_or_else(|| "remove the rule, or name a tool of a runtime or of an MCP server".to_owned());
        found.push(
            Diagnostic::error(RULE.code, pattern.span, format!("no tool is called `{text}`"))
                .label("the rule can never decide")
                .help(help),
        );
    }
}

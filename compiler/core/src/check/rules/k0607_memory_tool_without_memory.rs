//! K0607: the memory tool needs a memory to work on. Not here: memories without the tool (K0606).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use super::k0606_memory_without_tool::MEMORY_TOOLS;
use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(607), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| agent.memory.is_none()) {
        let Some((tool, granted)) = agent.tool_of_set(MEMORY_TOOLS) else { continue };
        found.push(
            Diagnostic::error(RULE.code, granted.span, format!("`{}` has no memory for `{tool}`", agent.name.value))
                .label("the router would not know which store it means")
                .help("add `memory: NAME` with an entry of `memories`, or remove the tool"),
        );
    }
}

//! K0606: a memory that the agent cannot use. Not here: who else uses it (K0608).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(606), check };

/// The tools that read and write the memory bound to an agent.
pub(super) const MEMORY_TOOLS: &str = "foundry.memory";

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| agent.tool_of_set(MEMORY_TOOLS).is_none()) {
        let Some((memory, _)) = agent.memory else { continue };
        found.push(
            Diagnostic::error(RULE.code, memory.span, format!("`{}` has no tool for its memory", agent.name.value))
                .label(format!("nothing can read or write `{}`", memory.value))
                .help(format!("add `{MEMORY_TOOLS}.memory` to the agent's `tools`, or remove `memory`")),
        );
    }
}

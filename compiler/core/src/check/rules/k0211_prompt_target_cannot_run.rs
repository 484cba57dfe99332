//! K0211: the prompt goes to an agent that takes none. Not here: whether the agent exists (K0201).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(211), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(prompt) = &scenario.scenario.prompt else { return };
    let Some(runtime) = scenario.agents.get(&prompt.to.value).and_then(|agent| agent.runtime.as_ref()) else { return };
    if runtime.descriptor.prompt.is_none() {
        found.push(
            Diagnostic::error(RULE.code, prompt.to.span, format!("`{}` takes no prompt", prompt.to.value))
                .because(
                    runtime.written.kind.span,
                    format!("the runtime `{}` has no `prompt` endpoint", runtime.kind()),
                )
                .help("send the prompt to another agent, or give this one another runtime"),
        );
    }
}

//! K0628: a tool that runs inside another runtime. Not here: tools that nobody has (K0601).

use std::collections::BTreeSet;

use kars_contract::tool::MCP_PROVIDER;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(628), check };

/// Providers whose tools the router serves to every runtime.
const FOR_ALL: [&str; 3] = ["kars", "foundry", MCP_PROVIDER];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        let kind = runtime.kind().as_str();
        let own = |provider: &str| provider == kind || FOR_ALL.contains(&provider);
        let foreign = agent.tools.iter().filter(|(tool, _)| !own(tool.provider()));
        let mut seen = BTreeSet::new();
        for (tool, granted) in foreign.filter(|(_, granted)| seen.insert(granted.span)) {
            let help = match scenario.catalog.tools_of(kind).next() {
                Some(tool) => format!("use tools of the agent's own runtime, such as `{}`", tool.id.value),
                None => "remove it: the agent's own code brings its tools along".to_owned(),
            };
            found.push(
                Diagnostic::error(RULE.code, granted.span, format!("`{kind}` does not have the tools of `{}`", tool.provider()))
                    .label(format!("granted to `{}`", agent.name.value))
                    .because(runtime.written.kind.span, "the runtime is chosen here")
                    .help(help),
            );
        }
    }
}

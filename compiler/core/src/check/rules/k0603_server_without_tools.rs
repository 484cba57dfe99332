//! K0603: an MCP server from which nothing may be called is of no use. Not here: the names of its tools.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(603), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, _) in scenario.scenario.mcp_servers.iter().filter(|(_, server)| server.tools.is_empty()) {
        found.push(
            Diagnostic::error(RULE.code, name.span, format!("no tool of `{}` may be called", name.value))
                .label("its `tools` list is empty")
                .help("list the tools that agents need, or remove the server"),
        );
    }
}

//! K0604: an MCP server cannot add a tool by itself. Not here: the names of its tools.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(604), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, server) in &scenario.scenario.mcp_servers {
        for tool in server.tools.iter().filter(|tool| tool.value == "*") {
            found.push(
                Diagnostic::error(RULE.code, tool.span, format!("`*` allows all tools of `{}`", name.value))
                    .label("also those that the server adds tomorrow")
                    .help("list the tools that agents need by name"),
            );
        }
    }
}

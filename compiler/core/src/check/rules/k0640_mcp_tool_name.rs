//! K0640: the name of an MCP server's tool, as it becomes part of an id. Not here: whether the server has it.

use kars_contract::tool::ToolId;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(640), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, server) in &scenario.scenario.mcp_servers {
        for tool in server.tools.iter().filter(|tool| tool.value != "*" && ToolId::mcp(name, &tool.value).is_err()) {
            found.push(
                Diagnostic::error(RULE.code, tool.span, format!("`{}` is not the name of a tool", tool.value))
                    .label(format!("it cannot become `mcp.{}.NAME`", name.value))
                    .help("write the tool's name as the server lists it: letters, digits, `_`, `-`, `.` and `/`"),
            );
        }
    }
}

//! Tool calls as runtimes name them. Not here: whether a call is permitted.

use kars_contract::Name;
use kars_contract::router::RouterDocument;
use kars_contract::tool::{InvalidTool, ToolId};

/// The tool that a verb of the older form means, such as `tool:write_file:notes.md`: the only one of that name which the agent
/// has. What follows the name is not part of the question; only arguments that are given as such can satisfy a rule.
pub fn of_action(document: &RouterDocument, action: &str) -> Option<ToolId> {
    let mut parts = action.split(':');
    let (verb, subject, object) = (parts.next()?, parts.next()?, parts.next());
    match verb {
        "tool" => {
            only(document.tools.iter().map(|granted| &granted.tool).filter(|tool| tool.tool() == subject)).cloned()
        }
        "mcp" => mcp(subject, object?).ok(),
        "mesh" => ToolId::parse(&format!("kars.mesh.{}", mesh(subject)?)).ok(),
        "spawn" => ToolId::parse("kars.spawn.kars_spawn").ok(),
        _ => None,
    }
}

fn mcp(server: &str, tool: &str) -> Result<ToolId, InvalidTool> {
    let refused = |_| InvalidTool::Id(server.to_owned());
    ToolId::mcp(&Name::parse(server).map_err(refused)?, tool)
}

fn mesh(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "send" => "kars_mesh_send",
        "inbox" => "kars_mesh_inbox",
        "await" => "kars_mesh_await",
        "transfer_file" => "kars_mesh_transfer_file",
        _ => return None,
    })
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

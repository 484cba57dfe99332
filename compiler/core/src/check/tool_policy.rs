//! The tools and rules of one agent as the router's matcher reads them. Not here: their documents (`lower`).

use kars_contract::id::RuleId;
use kars_contract::permits::ToolPolicy;
use kars_contract::router::{GrantedTool, ToolRule};
use kars_contract::tool::ToolPattern;

use crate::resolve::Agent;

/// What decides the tool calls of an agent under some rules. Tools of MCP servers are tools as others are.
pub(super) fn tool_policy(agent: &Agent<'_>, rules: &[ToolRule]) -> ToolPolicy {
    let granted = agent.tools.iter().map(|(tool, granted)| {
        let pattern = granted.pattern.cloned().unwrap_or_else(|| ToolPattern::from(tool.clone()));
        GrantedTool { id: RuleId::tools(&agent.name.value, &pattern), tool: tool.clone(), enforced: tool.enforcer() }
    });
    ToolPolicy::of(&granted.collect::<Vec<_>>(), rules)
}

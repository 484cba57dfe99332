//! The summary of a build, for people.

use karsc_core::bundle::Bundle;
use karsc_core::summary::{AgentSummary, Summary};

use crate::print::counted;

/// How many agents are shown; the rest is counted.
const MOST_AGENTS: usize = 50;

pub(super) fn text(summary: &Summary, bundle: &Bundle, warnings: usize) -> String {
    let profile = format!("{:?}", summary.profile).to_lowercase();
    let mut text = format!("{} for {} ({profile})\n", summary.scenario, summary.environment);
    for agent in summary.agents.iter().take(MOST_AGENTS) {
        text.push_str(&agent_text(agent));
    }
    if summary.agents.len() > MOST_AGENTS {
        text.push_str(&format!("\n  and {} more agents\n", summary.agents.len() - MOST_AGENTS));
    }
    let warnings = if warnings == 0 { "no warnings".to_owned() } else { counted(warnings, "warning") };
    let (agents, objects) = (counted(summary.agents.len(), "agent"), counted(bundle.objects, "object"));
    text.push_str(&format!("\n{agents}, {objects}, {warnings}\n{}\n", bundle.content));
    text
}

fn agent_text(agent: &AgentSummary) -> String {
    let mut text = format!("\n  {}", agent.name);
    if let Some(role) = &agent.role {
        text.push_str(&format!(" · {role}"));
    }
    text.push('\n');
    let isolation = format!("{:?}", agent.isolation).to_lowercase();
    let answers = if agent.responds { ", answers unattended" } else { "" };
    line(&mut text, "runtime", &format!("{}, isolation {isolation}{answers}", agent.runtime));
    line(&mut text, "model", &agent.models.join(", then "));
    line(&mut text, "hosts", &agent.hosts.join(", "));
    line(&mut text, "mcp", &agent.mcp.join(", "));
    line(&mut text, "peers", &agent.peers.join(", "));
    let tools = format!("{} enforced by the router, {} only by the runtime", agent.router_tools, agent.runtime_tools);
    line(&mut text, "tools", if agent.router_tools + agent.runtime_tools == 0 { "" } else { &tools });
    let budget = agent.tokens_per_day.map(|tokens| format!("{} tokens a day", grouped(tokens)));
    line(&mut text, "budget", budget.as_deref().unwrap_or(if agent.models.is_empty() { "" } else { "no limit" }));
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    let value = if value.is_empty() { "none" } else { value };
    text.push_str(&format!("    {name:<9}{value}\n"));
}

/// `1000000` as `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

//! What a reviewer wants to know first: per agent runtime, model, reach, tools, budget and isolation. Not here: layout.

use kars_scenario::agent::{Isolation, RespondMode};
use kars_scenario::environment::Profile;
use serde::Serialize;

use crate::resolve::{Agent, Resolved};

/// A scenario on one page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub scenario: String,
    pub environment: String,
    pub profile: Profile,
    pub agents: Vec<AgentSummary>,
}

/// An agent in a few lines.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSummary {
    pub name: String,
    pub role: Option<String>,
    pub runtime: String,
    /// The model and what may answer in its place.
    pub models: Vec<String>,
    /// Hosts that the agent itself may reach, with ports where they are not 443.
    pub hosts: Vec<String>,
    /// MCP servers that its router reaches for it.
    pub mcp: Vec<String>,
    /// Agents that it may write to; those that it may only answer stand in brackets.
    pub peers: Vec<String>,
    /// Tools that the router enforces.
    pub router_tools: usize,
    /// Tools that only the runtime enforces.
    pub runtime_tools: usize,
    pub tokens_per_day: Option<u64>,
    pub isolation: Isolation,
    pub responds: bool,
}

impl Summary {
    /// Sums up a scenario.
    pub fn of(scenario: &Resolved<'_>) -> Self {
        Self {
            scenario: scenario.scenario.metadata.name.to_string(),
            environment: scenario.target.environment.metadata.name.to_string(),
            profile: scenario.target.profile,
            agents: scenario.agents().map(|agent| agent_summary(scenario, agent)).collect(),
        }
    }
}

fn agent_summary(scenario: &Resolved<'_>, agent: &Agent<'_>) -> AgentSummary {
    let name = &agent.name.value;
    let (router_tools, runtime_tools): (Vec<_>, Vec<_>) =
        agent.tools.keys().partition(|tool| tool.enforcer() == kars_contract::router::Enforcer::Router);
    let sends = scenario.edges.from(name).map(|edge| edge.to.to_string());
    let answers = scenario.edges.to(name).filter(|edge| edge.replies).map(|edge| format!("({})", edge.from.value));
    AgentSummary {
        name: name.to_string(),
        role: agent.written.role.as_ref().map(|role| role.value.clone()),
        runtime: agent.runtime.as_ref().map(runtime).unwrap_or_default(),
        models: agent
            .model
            .iter()
            .flat_map(|model| &model.candidates)
            .map(|candidate| candidate.deployment.to_owned())
            .collect(),
        hosts: agent.egress.iter().map(host).collect(),
        mcp: agent.mcp.iter().map(|(name, _)| name.to_string()).collect(),
        peers: sends.chain(answers).collect(),
        router_tools: router_tools.len(),
        runtime_tools: runtime_tools.len(),
        tokens_per_day: agent.budget.and_then(|budget| budget.tokens_per_day.as_ref()).map(|tokens| tokens.value),
        isolation: agent.isolation,
        responds: agent.respond.mode == RespondMode::Auto,
    }
}

fn runtime(runtime: &crate::resolve::RuntimeChoice<'_>) -> String {
    match runtime.version {
        Some(version) => format!("{} {version}", runtime.kind()),
        None => runtime.kind().to_string(),
    }
}

fn host(rule: &crate::resolve::EgressRule<'_>) -> String {
    let ports: Vec<_> = rule.ports.iter().map(ToString::to_string).collect();
    let until = rule.until.map(|until| format!(" until {until}")).unwrap_or_default();
    if ports == ["443"] { format!("{}{until}", rule.host) } else { format!("{}:{}{until}", rule.host, ports.join(",")) }
}

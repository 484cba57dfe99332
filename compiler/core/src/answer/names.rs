//! Whether the names in a question stand for something. A question about nothing would be refused by every router, and a slip
//! of the pen would pass for a proof. Not here: what is granted to whom, which is the question.

use std::collections::BTreeMap;

use kars_contract::tool::ToolId;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::name::Name;
use kars_scenario::policy_test::Question;
use kars_scenario::span::{Span, Spanned};
use kars_scenario::suggest::did_you_mean;
use serde_json::Value;

use crate::check::UNKNOWN_ARGUMENT;
use crate::resolve::{Resolved, UNKNOWN_TOOL, unresolved};

/// Notes every name that stands for nothing.
pub(crate) fn check(scenario: &Resolved<'_>, agent: &Spanned<Name>, question: &Question, found: &mut Found) {
    check_agent(scenario, agent, found);
    match question {
        Question::Egress(_) => {}
        Question::Mesh(peer) => check_agent(scenario, peer, found),
        Question::Mcp(tool, _) => {
            let servers = &scenario.scenario.mcp_servers;
            let server = Spanned::new(tool.server(), tool.span);
            if servers.get(&server.value).is_none() {
                found.push(unresolved(&server, "mcpServers", servers.iter().map(|(name, _)| name.as_str())));
            }
        }
        Question::Tool(tool, args) => check_tool(scenario, tool, args, found),
        Question::Model(model) => check_model(scenario, model.as_str(), model.span, found),
    }
}

fn check_agent(scenario: &Resolved<'_>, name: &Spanned<Name>, found: &mut Found) {
    if !scenario.agents.contains_key(&name.value) {
        found.push(unresolved(name, "agents", scenario.agents.keys().map(|agent| agent.as_str())));
    }
}

fn check_tool(scenario: &Resolved<'_>, id: &Spanned<ToolId>, args: &BTreeMap<String, Value>, found: &mut Found) {
    if !scenario.knows_tool(&id.value.clone().into()) {
        let help = scenario.similar_tool(id.as_str());
        let help = help.unwrap_or_else(|| "name a tool of a runtime or of an MCP server".to_owned());
        found.push(
            Diagnostic::error(UNKNOWN_TOOL, id.span, format!("no tool is called `{}`", id.value))
                .label("no runtime and no MCP server of the scenario has it")
                .help(help),
        );
    }
    // Tools of MCP servers have arguments that nobody here knows.
    let Some(tool) = scenario.catalog.tools.get(&id.value) else { return };
    for argument in args.keys().filter(|argument| !tool.args.contains_key(*argument)) {
        let known = tool.args.keys().map(String::as_str);
        let help =
            did_you_mean(argument, known.clone()).unwrap_or_else(|| match known.collect::<Vec<_>>().as_slice() {
                [] => "ask without arguments: the tool has none".to_owned(),
                known => format!("name one of its arguments: `{}`", known.join("`, `")),
            });
        found.push(
            Diagnostic::error(UNKNOWN_ARGUMENT, id.span, format!("`{}` has no argument `{argument}`", id.value))
                .help(help),
        );
    }
}

/// A model is asked for by the name that the scenario gives it, or as the deployment that it is.
fn check_model(scenario: &Resolved<'_>, asked: &str, span: Span, found: &mut Found) {
    let models = &scenario.scenario.models;
    let own = models.iter().flat_map(|(name, model)| [name.as_str(), model.deployment.as_str()]);
    let deployments = scenario.catalog.providers.values().flat_map(|provider| &provider.models);
    let mut known = own.chain(deployments.map(|model| model.deployment.as_str()));
    if !known.any(|name| name == asked) {
        let names = models.iter().map(|(name, _)| name.as_str());
        found.push(unresolved(&Spanned::new(asked, span), "models", names));
    }
}

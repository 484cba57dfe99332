//! Tools as a runtime's plugin is told of them: name, JSON Schema of the arguments, recipe.

use kars_contract::router::Enforcer;
use kars_contract::tool::ToolId;
use kars_scenario::agent::Version;
use kars_scenario::catalog::{Argument, ArgumentType, Choices, NameSet, Tool};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::resolve::Agent;

/// A granted tool.
#[derive(Debug, Serialize)]
pub(crate) struct ToolView<'p> {
    pub(super) id: &'p ToolId,
    pub(super) name: &'p str,
    pub(super) toolset: &'p str,
    #[serde(skip)]
    pub(super) provider: &'p str,
    description: &'p str,
    parameters: Object<'p>,
    call: Option<&'p serde_json::Value>,
    enforced: Enforcer,
}

/// The names that the enums of this agent's tools hold.
pub(super) struct Names<'p> {
    pub(super) children: Vec<&'p str>,
    pub(super) peers: Vec<&'p str>,
    pub(super) senders: Vec<&'p str>,
}

/// The JSON Schema of a tool's arguments.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'p> {
    #[serde(rename = "type")]
    kind: &'static str,
    properties: BTreeMap<&'p str, Property<'p>>,
    required: Vec<&'p str>,
    additional_properties: bool,
}

#[derive(Debug, Serialize)]
struct Property<'p> {
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'p str,
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<&'p str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Items<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Items<'p> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "enum", skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<&'p str>>,
}

/// Every granted tool but those of MCP servers, by id.
pub(super) fn granted<'p>(agent: &'p Agent<'_>, names: &Names<'p>) -> Vec<ToolView<'p>> {
    let version = agent.runtime.as_ref().and_then(|runtime| runtime.version);
    agent.tools.iter().filter_map(|(id, granted)| Some(view(id, granted.tool?, version, names))).collect()
}

fn view<'p>(id: &'p ToolId, tool: &'p Tool, version: Option<&Version>, names: &Names<'p>) -> ToolView<'p> {
    let args = || tool.args.iter().filter(|(_, argument)| argument.in_version(version));
    ToolView {
        id,
        name: tool.call_name(),
        toolset: &tool.toolset,
        provider: id.provider(),
        description: &tool.description,
        parameters: Object {
            kind: "object",
            properties: args().map(|(name, argument)| (name.as_str(), property(argument, names))).collect(),
            required: args().filter(|(_, argument)| argument.required).map(|(name, _)| name.as_str()).collect(),
            additional_properties: false,
        },
        call: tool.call.as_ref(),
        enforced: id.enforcer(),
    }
}

fn property<'p>(argument: &'p Argument, names: &Names<'p>) -> Property<'p> {
    let choices = argument.choices.as_ref().map(|choices| words(choices, names)).filter(|words| !words.is_empty());
    let is_array = argument.kind == ArgumentType::Array;
    let items = is_array
        .then(|| Items { kind: argument.items.unwrap_or(ArgumentType::String).as_str(), choices: choices.clone() });
    Property {
        kind: argument.kind.as_str(),
        description: &argument.description,
        choices: if is_array { None } else { choices },
        items,
        minimum: argument.minimum,
        maximum: argument.maximum,
    }
}

fn words<'p>(choices: &'p Choices, names: &Names<'p>) -> Vec<&'p str> {
    match choices {
        Choices::Words(words) => words.iter().map(String::as_str).collect(),
        Choices::Names(NameSet::Children) => names.children.clone(),
        Choices::Names(NameSet::Peers) => names.peers.clone(),
        Choices::Names(NameSet::Senders) => names.senders.clone(),
    }
}

//! The words by which texts may speak of tools, for agents of one runtime and version. Not here: who has which tool.

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_contract::router::Enforcer;
use kars_contract::tool::ToolId;
use kars_scenario::agent::Version;
use kars_scenario::catalog::CodeUse;

use crate::resolve::{Resolved, RuntimeChoice};

/// The tools that words mean.
#[derive(Default)]
pub(super) struct ToolNames {
    /// What the agent calls them, and their ids.
    names: BTreeMap<String, Vec<ToolId>>,
    /// The last part of ids that agents call otherwise, with what they call it.
    aliases: BTreeMap<String, (ToolId, String)>,
}

impl ToolNames {
    /// The names that agents of a runtime may meet.
    pub(super) fn of(scenario: &Resolved<'_>, runtime: &RuntimeChoice<'_>) -> Self {
        let mut names = Self::default();
        // A program of the agent's own calls the router's tools by either name.
        let own_code = runtime.descriptor.capabilities.code != CodeUse::None;
        for tool in scenario.catalog.tools.values() {
            let reachable = tool.enforced == Enforcer::Router || tool.id.provider() == runtime.kind().as_str();
            if !reachable || !tool.in_version(runtime.version) {
                continue;
            }
            names.add(tool.call_name().to_owned(), &tool.id);
            names.add(tool.id.to_string(), &tool.id);
            if own_code {
                names.add(tool.id.tool().to_owned(), &tool.id);
            } else if tool.call_name() != tool.id.tool() {
                let alias = (tool.id.value.clone(), tool.call_name().to_owned());
                names.aliases.insert(tool.id.tool().to_owned(), alias);
            }
        }
        for (server, entry) in &scenario.scenario.mcp_servers {
            for id in entry.tools.iter().filter_map(|tool| ToolId::mcp(server, &tool.value).ok()) {
                names.add(mcp_call_name(server, id.tool()), &id);
                names.add(id.to_string(), &id);
                names.add(id.tool().to_owned(), &id);
            }
        }
        names
    }

    fn add(&mut self, name: String, tool: &ToolId) {
        let tools = self.names.entry(name).or_default();
        if !tools.contains(tool) {
            tools.push(tool.clone());
        }
    }

    /// The tools that a word means; none for any other word.
    pub(super) fn get(&self, word: &str) -> &[ToolId] {
        self.names.get(word).map_or(&[], Vec::as_slice)
    }

    /// A tool that the agent calls otherwise, and what it calls it.
    pub(super) fn alias(&self, word: &str) -> Option<&(ToolId, String)> {
        self.aliases.get(word)
    }

    /// Every name, sorted.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

/// What runtimes call the tool of an MCP server.
fn mcp_call_name(server: &Name, tool: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '_' };
    format!("mcp_{server}_{tool}").chars().map(plain).collect()
}

/// The names of every runtime and version in use, made once.
#[derive(Default)]
pub(super) struct NamesByRuntime<'a>(BTreeMap<(&'a Name, Option<&'a Version>), ToolNames>);

impl<'a> NamesByRuntime<'a> {
    /// The names that agents of a runtime may meet.
    pub(super) fn of(&mut self, scenario: &Resolved<'a>, runtime: &'a RuntimeChoice<'a>) -> &ToolNames {
        let key = (runtime.kind(), runtime.version);
        self.0.entry(key).or_insert_with(|| ToolNames::of(scenario, runtime))
    }
}

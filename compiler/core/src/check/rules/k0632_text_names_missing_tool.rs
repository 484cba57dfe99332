//! K0632: every tool that a persona or prompt names is one that its reader has, under that name. Not here: the tools'
//! arguments (K0648).

use kars_contract::tool::ToolId;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::check::mentions::{Mention, mentions, told};
use crate::check::tool_names::{NamesByRuntime, ToolNames};
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(632), check };

/// Beginnings of words that can only be meant as tools.
const PREFIXES: [&str; 3] = ["kars_", "foundry_", "mcp_"];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut names = NamesByRuntime::default();
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        for text in told(scenario, agent) {
            let names = names.of(scenario, runtime);
            for mention in mentions(text) {
                if let Some(diagnostic) = judge(agent, names, &mention) {
                    found.push(diagnostic.because(agent.name.span, "this agent reads it"));
                }
            }
        }
    }
}

fn judge(agent: &Agent<'_>, names: &ToolNames, mention: &Mention<'_>) -> Option<Diagnostic> {
    let (word, name) = (mention.word, &agent.name.value);
    let tools = names.get(word);
    if tools.iter().any(|tool| agent.tools.contains_key(tool)) {
        return None;
    }
    if let Some(tool) = tools.first() {
        return Some(not_granted(mention, name.as_str(), tool));
    }
    if let Some((tool, called)) = names.alias(word) {
        if !agent.tools.contains_key(tool) {
            return Some(not_granted(mention, name.as_str(), tool));
        }
        return Some(noticed(mention, format!("`{name}` has no tool called `{word}`")).help(format!("write `{called}`")));
    }
    if !PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
        return None;
    }
    let help = did_you_mean(word, names.all())
        .unwrap_or_else(|| "name a tool that exists, or write the word without backticks".to_owned());
    Some(noticed(mention, format!("no tool is called `{word}`")).help(help))
}

fn not_granted(mention: &Mention<'_>, agent: &str, tool: &ToolId) -> Diagnostic {
    let grant = match tool.set().strip_prefix("mcp.") {
        Some(server) => format!("add `{server}` to `mcp` of `{agent}`"),
        None => format!("add `{tool}` to the tools of `{agent}`"),
    };
    noticed(mention, format!("`{agent}` does not have the tool `{}`", mention.word))
        .label(format!("`{tool}` is not granted"))
        .help(format!("{grant}, or do not name it"))
}

/// A word such as `memory` may mean something else, so only names that cannot are errors.
fn noticed(mention: &Mention<'_>, message: String) -> Diagnostic {
    if mention.word.contains(['_', '.']) {
        Diagnostic::error(RULE.code, mention.span, message)
    } else {
        Diagnostic::warning(RULE.code, mention.span, message)
    }
}

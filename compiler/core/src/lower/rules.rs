//! Tools and rules of an agent as the router's matcher reads them. Not here: MCP servers, which a document lists by themselves.

use kars_contract::id::RuleId;
use kars_contract::router::{ArgumentMatcher, Effect, Enforcer, GrantedTool, ToolRule, When};
use kars_contract::tool::MCP_PROVIDER;
use kars_scenario::rule::{Matcher, Rule, When as Written};
use kars_scenario::span::Spanned;

use crate::resolve::{Agent, RuleUse};

/// Every tool of an agent with the line that grants it, by id; those of MCP servers too.
pub(crate) fn granted_tools(agent: &Agent<'_>) -> Vec<GrantedTool> {
    let name = &agent.name.value;
    let servers = agent.mcp.iter().map(|(server, _)| &server.value);
    let granted = agent.tools.iter().filter_map(|(tool, granted)| {
        let id = match granted.pattern {
            Some(pattern) => RuleId::tools(name, pattern),
            None => RuleId::mcp(name, servers.clone().find(|server| is_of(tool.set(), server.as_str()))?),
        };
        let enforced = granted.tool.map_or(Enforcer::Router, |tool| tool.enforced);
        Some(GrantedTool { id, tool: tool.clone(), enforced })
    });
    granted.collect()
}

fn is_of(set: &str, server: &str) -> bool {
    set.strip_prefix(MCP_PROVIDER).and_then(|rest| rest.strip_prefix('.')) == Some(server)
}

/// The rules that hold for an agent, in the order its sets are read. A rule whose matcher means nothing, which the rules of
/// the language report, is left out.
pub(crate) fn tool_rules(agent: &Agent<'_>) -> Vec<ToolRule> {
    agent.rules.iter().filter_map(tool_rule).collect()
}

fn tool_rule(used: &RuleUse<'_>) -> Option<ToolRule> {
    let tool = used.rule.tools().value.clone();
    let effect = match used.rule {
        Rule::Allow(_) => Effect::Allow,
        Rule::Deny(_) => Effect::Deny,
        Rule::Limit(limit) => Effect::Limit { calls: limit.calls.value, per_seconds: limit.per.seconds },
    };
    let when = used.rule.when().map_or(Some(When::default()), lower_when)?;
    Some(ToolRule { id: used.id.clone(), effect, enforced: tool.enforcer(), tool, when })
}

fn lower_when(written: &Written) -> Option<When> {
    let args = written.args.iter().map(|(name, written)| Some((name.clone(), matcher(written)?)));
    Some(When { args: args.collect::<Option<_>>()? })
}

/// The contract's matcher; nothing where not exactly one key is written, or a negative number.
pub(crate) fn matcher(written: &Matcher) -> Option<ArgumentMatcher> {
    let texts = |list: &[Spanned<String>]| list.iter().map(|text| text.value.clone()).collect();
    match written {
        Matcher { program: Some(names), under: None, one_of: None, prefix: None, max: None } => {
            Some(ArgumentMatcher::Program(texts(names)))
        }
        Matcher { program: None, under: Some(path), one_of: None, prefix: None, max: None } => {
            Some(ArgumentMatcher::Under(path.value.clone()))
        }
        Matcher { program: None, under: None, one_of: Some(words), prefix: None, max: None } => {
            Some(ArgumentMatcher::OneOf(texts(words)))
        }
        Matcher { program: None, under: None, one_of: None, prefix: Some(text), max: None } => {
            Some(ArgumentMatcher::Prefix(text.value.clone()))
        }
        Matcher { program: None, under: None, one_of: None, prefix: None, max: Some(most) } => {
            u64::try_from(most.value).ok().map(ArgumentMatcher::Max)
        }
        _ => None,
    }
}

//! Rules on tools, as the matcher reads them. Not here: which of them decides (the contract).

use kars_contract::router::{ArgumentMatcher, Effect, ToolRule, When};
use kars_scenario::rule::{Allow, Deny, Limit, Matcher, Rule, When as Written};

use crate::resolve::{Agent, RuleUse};

/// The rules of an agent, in the order they are read.
pub(crate) fn tool_rules(agent: &Agent<'_>) -> Vec<ToolRule> {
    agent.rules.iter().map(tool_rule).collect()
}

fn tool_rule(used: &RuleUse<'_>) -> ToolRule {
    let (tool, effect, when) = match used.rule {
        Rule::Allow(Allow { allow, when }) => (allow, Effect::Allow, when.as_ref()),
        Rule::Deny(Deny { deny, when }) => (deny, Effect::Deny, when.as_ref()),
        Rule::Limit(Limit { limit, calls, per }) => {
            (limit, Effect::Limit { calls: calls.value, per_seconds: per.seconds }, None)
        }
    };
    let args = when.map(conditions).unwrap_or_default();
    ToolRule { id: used.id.clone(), effect, tool: tool.value.clone(), when: When { args }, enforced: tool.enforcer() }
}

fn conditions(Written { args }: &Written) -> std::collections::BTreeMap<String, ArgumentMatcher> {
    args.iter().filter_map(|(name, matcher)| Some((name.clone(), condition(matcher)?))).collect()
}

/// The one condition of a matcher. That it has exactly one is a rule.
fn condition(Matcher { program, under, one_of, prefix, max }: &Matcher) -> Option<ArgumentMatcher> {
    let texts = |list: &Vec<kars_scenario::span::Spanned<String>>| list.iter().map(|text| text.value.clone()).collect();
    program
        .as_ref()
        .map(|list| ArgumentMatcher::Program(texts(list)))
        .or_else(|| under.as_ref().map(|path| ArgumentMatcher::Under(path.value.clone())))
        .or_else(|| one_of.as_ref().map(|list| ArgumentMatcher::OneOf(texts(list))))
        .or_else(|| prefix.as_ref().map(|text| ArgumentMatcher::Prefix(text.value.clone())))
        .or_else(|| max.as_ref().map(|most| ArgumentMatcher::Max(most.value)))
}

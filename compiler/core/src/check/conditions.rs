//! The conditions of tool rules, each with the tools it is about for the agents that use it. Not here: judging them.

use std::collections::BTreeSet;

use kars_contract::name::Name;
use kars_contract::router::Enforcer;
use kars_scenario::agent::Version;
use kars_scenario::catalog::Tool;
use kars_scenario::rule::Matcher;
use kars_scenario::span::Spanned;

use crate::resolve::Resolved;

/// One condition of a rule, for agents of one runtime and version.
pub(super) struct Condition<'a> {
    pub(super) argument: &'a str,
    pub(super) matcher: &'a Spanned<Matcher>,
    /// The tools that the rule names and that such agents may have; never empty.
    pub(super) tools: Vec<&'a Tool>,
    pub(super) kind: &'a Name,
    pub(super) version: Option<&'a Version>,
}

/// Every condition of every rule that an agent uses, once for each runtime and version. Tools of MCP servers have arguments
/// that nobody here knows.
pub(super) fn conditions<'a>(scenario: &'a Resolved<'a>) -> Vec<Condition<'a>> {
    let mut seen = BTreeSet::new();
    let mut conditions = Vec::new();
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        let (kind, version) = (runtime.kind(), runtime.version);
        for used in &agent.rules {
            let Some(when) = used.rule.when() else { continue };
            if !seen.insert((used.span, kind, version)) {
                continue;
            }
            let pattern = &used.rule.tools().value;
            let own = |tool: &Tool| tool.enforced == Enforcer::Router || tool.id.provider() == kind.as_str();
            let tools = scenario.catalog.tools.values();
            let tools: Vec<_> =
                tools.filter(|tool| pattern.matches(&tool.id) && own(tool) && tool.in_version(version)).collect();
            if tools.is_empty() {
                continue;
            }
            conditions.extend(when.args.iter().map(|(argument, matcher)| Condition {
                argument,
                matcher,
                tools: tools.clone(),
                kind,
                version,
            }));
        }
    }
    conditions
}

//! K0639: a produced file that no tool of its agent may write. Not here: agents with code of their own, which writes itself.

use kars_contract::permits::{Arguments, Decision};
use kars_contract::router::{Effect, ToolRule};
use kars_scenario::artifact::Artifact;
use kars_scenario::catalog::{CodeUse, Tool};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::check::tool_policy::tool_policy;
use crate::lower::tool_rules;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(639), check };

/// The folder in which hosted tools leave the files that they make.
const SAVED: &str = "incoming/";

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents().filter(|agent| !agent.written.produces.is_empty()) {
        let Some(runtime) = &agent.runtime else { continue };
        let mut own = scenario.catalog.tools_of(runtime.kind().as_str());
        // A catalog that does not say which tools write leaves nothing to judge.
        let told = own.any(|tool| tool.writes.is_some() || tool.writes_anywhere);
        let tools: Vec<_> = agent.tools.values().filter_map(|granted| granted.tool).collect();
        if runtime.descriptor.capabilities.code != CodeUse::None
            || !told
            || tools.iter().any(|tool| tool.writes_anywhere)
        {
            continue;
        }
        let has_saver = tools.iter().any(|tool| tool.call.as_ref().is_some_and(|call| call.get("saves").is_some()));
        for artifact in &agent.written.produces {
            let saved = has_saver && artifact.path.strip_prefix(SAVED).is_some_and(|name| !name.contains('/'));
            if !saved {
                found.extend(judge(agent, artifact, &tools));
            }
        }
    }
}

fn judge(agent: &Agent<'_>, artifact: &Spanned<Artifact>, tools: &[&Tool]) -> Found {
    let mut found = Found::default();
    let path = &artifact.path;
    let decisions: Vec<_> = tools.iter().filter_map(|tool| decide(agent, tool, &path.value)).collect();
    if decisions.iter().any(|decision| decision.allowed) {
        return found;
    }
    let name = &agent.name.value;
    let message = format!("`{name}` cannot write `{}`", path.value);
    let diagnostic = Diagnostic::error(RULE.code, path.span, message);
    let rule = decisions.iter().find_map(|decision| agent.rules.iter().find(|used| Some(&used.id) == decision.rule.as_ref()));
    found.push(match rule {
        Some(rule) => diagnostic
            .label(format!("no tool may write `/sandbox/{}`", path.value))
            .because(rule.span, "this rule decides")
            .help("produce it where the rules allow writing, or widen the rule"),
        None => diagnostic
            .label("none of its tools writes files")
            .because(agent.name.span, "this agent")
            .help("grant a tool that writes files, or remove it from `produces`"),
    });
    found
}

/// What the matcher says of writing a file by a tool; nothing for a tool that does not write.
fn decide(agent: &Agent<'_>, tool: &Tool, path: &str) -> Option<Decision> {
    let argument = tool.writes.as_ref()?;
    let rules: Vec<_> = tool_rules(agent).into_iter().filter_map(|rule| on_path_alone(rule, argument)).collect();
    let args = Arguments::from_iter([(argument.clone(), format!("/sandbox/{path}").into())]);
    Some(tool_policy(agent, &rules).decide(&tool.id, &args))
}

/// A rule as far as it rests on the path: what else the call says can be chosen so that it passes.
fn on_path_alone(mut rule: ToolRule, argument: &str) -> Option<ToolRule> {
    let others = rule.when.args.keys().any(|name| name != argument);
    match rule.effect {
        Effect::Allow => rule.when.args.retain(|name, _| name == argument),
        Effect::Deny if others => return None,
        Effect::Deny | Effect::Limit { .. } => {}
    }
    Some(rule)
}

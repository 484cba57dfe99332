//! K0648: an argument that a persona or prompt names is one that the tool has. Not here: whether the tool is granted (K0632).

use kars_scenario::catalog::Tool;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::suggest::did_you_mean;

use crate::check::Rule;
use crate::check::mentions::{mentions, told};
use crate::check::tool_names::NamesByRuntime;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(648), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut names = NamesByRuntime::default();
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        for mention in told(scenario, agent).into_iter().flat_map(mentions) {
            let arguments = arguments(mention.rest);
            let [id] = names.of(scenario, runtime).get(mention.word) else { continue };
            let Some(tool) = scenario.catalog.tools.get(id) else { continue };
            let known: Vec<_> = known(tool, runtime.version).collect();
            for argument in arguments.iter().filter(|argument| !known.contains(&argument.as_str())) {
                let help = did_you_mean(argument, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
                    [] => "call it without arguments".to_owned(),
                    known => format!("its arguments are `{}`", known.join("`, `")),
                });
                let message = format!("`{}` has no argument `{argument}`", mention.word);
                found.push(
                    Diagnostic::error(RULE.code, mention.span, message)
                        .because(agent.name.span, "this agent reads it")
                        .help(help),
                );
            }
        }
    }
}

fn known<'a>(
    tool: &'a Tool,
    version: Option<&'a kars_scenario::agent::Version>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    tool.args.iter().filter(move |(_, argument)| argument.in_version(version)).map(|(name, _)| name.as_str())
}

/// The names in `(name=…, name: …)`.
fn arguments(rest: &str) -> Vec<String> {
    if !rest.starts_with('(') {
        return Vec::new();
    }
    let unquoted: String = rest.split(['"', '\'']).step_by(2).collect();
    let pieces = unquoted.split(['(', ',', '{', ')', '}']);
    let named = pieces.filter_map(|piece| piece.split_once(['=', ':']).map(|(name, _)| name.trim().to_owned()));
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    named.filter(is_name).collect()
}

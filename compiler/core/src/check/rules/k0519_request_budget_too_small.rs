//! K0519: one request has room for what every request carries. Not here: what an answer needs.

use std::collections::BTreeMap;

use kars_contract::tool::ToolId;
use kars_scenario::catalog::Tool;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(519), check };

/// Bytes of text that make one token, on average over English and JSON.
const BYTES_PER_TOKEN: usize = 4;

/// What every request of an agent carries, in tokens.
struct Carried {
    tools: usize,
    persona: usize,
    prompt: usize,
}

impl Carried {
    fn sum(&self) -> usize {
        self.tools + self.persona + self.prompt
    }
}

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let tools: BTreeMap<_, _> = scenario.catalog.tools.iter().map(|(id, tool)| (id, of_tool(tool))).collect();
    for agent in scenario.agents() {
        let Some(model) = &agent.model else { continue };
        let carried = carried(scenario, agent, &tools);
        let request = agent.budget.and_then(|budget| budget.tokens_per_request.as_ref());
        let budget = request.map(|tokens| (tokens.value, tokens.span, "one request may cost"));
        let contexts = model.candidates.iter().filter_map(|candidate| {
            Some((u64::from(candidate.known?.context_length), candidate.model.deployment.span, "the model's context holds"))
        });
        for (limit, span, what) in budget.into_iter().chain(contexts) {
            if carried.sum() as u64 >= limit {
                found.push(too_small(agent, &carried, limit, span, what));
                break;
            }
        }
    }
}

fn too_small(agent: &Agent<'_>, carried: &Carried, limit: u64, span: Span, what: &str) -> Diagnostic {
    let Carried { tools, persona, prompt } = carried;
    let name = &agent.name.value;
    Diagnostic::error(RULE.code, span, format!("no request of `{name}` fits"))
        .label(format!("{what} {limit} tokens"))
        .because(
            agent.name.span,
            format!("each carries about {}: tools {tools}, persona {persona}, prompt {prompt}", carried.sum()),
        )
        .help("raise the limit, grant fewer tools, or shorten persona and prompt")
}

fn carried(scenario: &Resolved<'_>, agent: &Agent<'_>, tools: &BTreeMap<&ToolId, usize>) -> Carried {
    let prompt = scenario.scenario.prompt.as_ref().filter(|prompt| prompt.to.value == agent.name.value);
    let file = prompt.and_then(|prompt| scenario.texts.get(&prompt.file));
    Carried {
        tools: agent.tools.keys().filter_map(|id| tools.get(id)).sum(),
        persona: agent.persona.map_or(0, |persona| persona.text.len() / BYTES_PER_TOKEN),
        prompt: file.map_or(0, |file| scenario.sources.get(file).text.len() / BYTES_PER_TOKEN),
    }
}

/// As measured, else what its name, description and arguments come to.
fn of_tool(tool: &Tool) -> usize {
    let args = serde_json::to_string(&tool.args).expect("a catalog's types are JSON");
    let estimate = (tool.call_name().len() + tool.description.len() + args.len()) / BYTES_PER_TOKEN;
    tool.tokens.map_or(estimate, |tokens| tokens as usize)
}

//! K0605: a runtime is asked only for what it can do. Not here: whether a tool exists for it (K0601).

use kars_scenario::catalog::{Capabilities, RuntimeDescriptor};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::{Agent, Resolved, RuntimeChoice};

pub(super) const RULE: Rule = Rule { code: Code(605), check };

/// What an agent may ask of its runtime.
struct Ask {
    what: &'static str,
    able: fn(&Capabilities) -> bool,
    asked: fn(&Agent<'_>) -> Option<Span>,
}

const ASKS: &[Ask] = &[
    Ask {
        what: "takes no persona",
        able: |can| can.persona,
        asked: |agent| agent.persona.map(|persona| persona.span),
    },
    Ask {
        what: "does not speak MCP",
        able: |can| can.mcp,
        asked: |agent| agent.mcp.first().map(|(name, _)| name.span),
    },
    Ask {
        what: "uses no memory",
        able: |can| can.memory,
        asked: |agent| agent.memory.map(|(name, _)| name.span),
    },
    Ask {
        what: "answers no messages unattended",
        able: |can| can.respond,
        asked: |agent| agent.respond.span.filter(|_| agent.answers_unattended()),
    },
    Ask {
        what: "starts no children",
        able: |can| can.spawn,
        asked: |agent| agent.tool_of_set("kars.spawn").map(|(_, granted)| granted.span),
    },
];

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let Some(runtime) = &agent.runtime else { continue };
        let can = &runtime.descriptor.capabilities;
        for ask in ASKS.iter().filter(|ask| !(ask.able)(can)) {
            let Some(span) = (ask.asked)(agent) else { continue };
            let able = scenario.catalog.runtimes.values().filter(|runtime| (ask.able)(&runtime.capabilities));
            found.push(diagnostic(agent, runtime, span, ask.what, able));
        }
        for (name, channel) in agent.channels.iter().filter(|(_, channel)| !can.channels.contains(&channel.kind)) {
            let what = format!("does not serve {}", channel.kind.as_str());
            let runtimes = scenario.catalog.runtimes.values();
            let able = runtimes.filter(|runtime| runtime.capabilities.channels.contains(&channel.kind));
            found.push(diagnostic(agent, runtime, name.span, &what, able));
        }
        if let Some(pattern) = agent.patterns.first().filter(|_| runtime.is_echo()) {
            found.push(diagnostic(agent, runtime, pattern.span, "uses no tools", std::iter::empty()));
        }
    }
}

fn diagnostic<'c>(
    agent: &Agent<'_>,
    runtime: &RuntimeChoice<'_>,
    span: Span,
    what: &str,
    able: impl Iterator<Item = &'c RuntimeDescriptor>,
) -> Diagnostic {
    let able: Vec<_> = able.map(|runtime| format!("`{}`", runtime.metadata.name.value)).collect();
    let help = match able.as_slice() {
        [] => "remove it from the agent".to_owned(),
        able => format!("remove it from the agent, or use a runtime that can: {}", able.join(", ")),
    };
    Diagnostic::error(RULE.code, span, format!("the runtime `{}` {what}", runtime.kind()))
        .label(format!("asked for by `{}`", agent.name.value))
        .because(runtime.written.kind.span, "the runtime is chosen here")
        .help(help)
}

//! K0618: a link works only when its ends have the tools to use it. Not here: whether the files exist (K0620).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::{Agent, Edge, Resolved, RuntimeChoice};

pub(super) const RULE: Rule = Rule { code: Code(618), check };

const SEND: &str = "kars.mesh.kars_mesh_send";
const TRANSFER: &str = "kars.mesh.kars_mesh_transfer_file";
const INBOX: &str = "kars.mesh.kars_mesh_inbox";
const AWAIT: &str = "kars.mesh.kars_mesh_await";

/// The tools that an agent lacks, each with the first link that needs it and what for.
type Lacks = BTreeMap<&'static str, (Span, String)>;

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let name = &agent.name.value;
        let mut lacks = Lacks::new();
        for edge in scenario.edges.from(name) {
            as_sender(agent, edge, &mut lacks);
        }
        for edge in scenario.edges.to(name) {
            as_receiver(agent, edge, &mut lacks);
        }
        found.extend(diagnostic(agent, &lacks));
    }
}

fn as_sender(agent: &Agent<'_>, edge: &Edge<'_>, lacks: &mut Lacks) {
    let (tool, what) = if edge.files.is_empty() { (SEND, "to write to") } else { (TRANSFER, "to send files to") };
    if !agent.has_tool(tool) {
        lacks.entry(tool).or_insert((edge.from.span, format!("{what} `{}`", edge.to.value)));
    }
    if edge.replies && !reads(agent) {
        lacks.entry(AWAIT).or_insert((edge.from.span, format!("to read what `{}` answers", edge.to.value)));
    }
}

fn as_receiver(agent: &Agent<'_>, edge: &Edge<'_>, lacks: &mut Lacks) {
    if !reads(agent) {
        lacks.entry(INBOX).or_insert((edge.to.span, format!("to read what `{}` writes", edge.from.value)));
    }
    if edge.replies && !agent.answers_unattended() && !agent.has_tool(SEND) {
        lacks.entry(SEND).or_insert((edge.to.span, format!("to answer `{}`", edge.from.value)));
    }
}

fn reads(agent: &Agent<'_>) -> bool {
    agent.answers_unattended() || agent.has_tool(INBOX) || agent.has_tool(AWAIT)
}

fn diagnostic(agent: &Agent<'_>, lacks: &Lacks) -> Found {
    let mut found = Found::default();
    let mut needs = lacks.iter().map(|(tool, (span, what))| (*span, format!("needs `{tool}` {what}")));
    let Some((span, first)) = needs.next() else { return found };
    let name = &agent.name.value;
    let tools: Vec<_> = lacks.keys().map(|tool| format!("`{tool}`")).collect();
    let help = if agent.runtime.as_ref().is_some_and(RuntimeChoice::is_echo) {
        format!("let others write to `{name}`: it only answers")
    } else if lacks.contains_key(INBOX) {
        format!("add {} to the tools of `{name}`, or have it answer by `respond: {{ mode: auto }}`", tools.join(", "))
    } else {
        format!("add {} to the tools of `{name}`", tools.join(", "))
    };
    let message = format!("`{name}` lacks {} for its links", if tools.len() == 1 { "a tool" } else { "tools" });
    let mut diagnostic = Diagnostic::error(RULE.code, span, message).label(first).help(help);
    for (span, need) in needs {
        diagnostic = diagnostic.because(span, need);
    }
    found.push(diagnostic.because(agent.name.span, "this agent"));
    found
}

//! K0618: a link works only when its ends have the tools to use it. Not here: whether the files exist (K0620).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::{Span, Spanned};

use crate::check::Rule;
use crate::resolve::{Agent, Edge, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(618), check };

const SEND: &str = "kars.mesh.kars_mesh_send";
const TRANSFER: &str = "kars.mesh.kars_mesh_transfer_file";
const INBOX: &str = "kars.mesh.kars_mesh_inbox";
const AWAIT: &str = "kars.mesh.kars_mesh_await";

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for edge in &scenario.edges.all {
        let (Some(from), Some(to)) = (scenario.agents.get(&edge.from.value), scenario.agents.get(&edge.to.value))
        else {
            continue;
        };
        for (place, agent, what, help) in faults(edge, from, to) {
            found.push(Diagnostic::error(RULE.code, place, what).because(agent, "this agent").help(help));
        }
    }
}

fn faults(edge: &Edge<'_>, from: &Agent<'_>, to: &Agent<'_>) -> Vec<(Span, Span, String, String)> {
    let mut faults = Vec::new();
    let mut fault = |at: &Spanned<_>, agent: &Agent<'_>, what: String, help: String| {
        faults.push((at.span, agent.name.span, what, help));
    };
    let (sender, receiver) = (&from.name.value, &to.name.value);
    let files = !edge.files.is_empty();
    let grant = |agent, tool| format!("add `{tool}` to the tools of `{agent}`");
    if files && !from.has_tool(TRANSFER) {
        fault(edge.from, from, format!("`{sender}` has no tool to send files to `{receiver}`"), grant(sender, TRANSFER));
    } else if !files && !from.has_tool(SEND) {
        fault(edge.from, from, format!("`{sender}` has no tool to write to `{receiver}`"), grant(sender, SEND));
    }
    let unread = |agent| format!("{}, or have it answer by `respond: {{ mode: auto }}`", grant(agent, INBOX));
    if !reads(to) {
        fault(edge.to, to, format!("`{receiver}` never reads what `{sender}` writes"), unread(receiver));
    }
    if edge.replies && !to.answers_unattended() && !to.has_tool(SEND) {
        fault(edge.to, to, format!("`{receiver}` has no tool to answer `{sender}`"), grant(receiver, SEND));
    }
    if edge.replies && !reads(from) {
        fault(edge.from, from, format!("`{sender}` never reads what `{receiver}` answers"), grant(sender, AWAIT));
    }
    faults
}

fn reads(agent: &Agent<'_>) -> bool {
    agent.answers_unattended() || agent.has_tool(INBOX) || agent.has_tool(AWAIT)
}

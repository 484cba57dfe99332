//! Where proposed entries go: into the agent's own list, in the style that it is written in. Nothing that is there changes.
//! Not here: bytes of files (`splice`).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::Found;
use kars_scenario::egress::{EgressEntry, EgressHost, EgressPreset};
use kars_scenario::name::Name;
use kars_scenario::node::{Node, Value};
use kars_scenario::span::Spanned;

use super::Proposal;
use super::splice::{Insertion, spliced};
use crate::answer::yaml;
use crate::lower::label_word;
use crate::parse::node_of;
use crate::resolve::Resolved;
use crate::sources::Files;

/// A file as it is and as it should be.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Its path from the scenario's folder.
    pub path: String,
    pub before: String,
    pub after: String,
}

/// The edits that add all proposals.
pub(super) fn edits(proposals: &[Proposal], scenario: &Resolved<'_>, files: &dyn Files) -> Vec<Edit> {
    let sources = scenario.sources;
    let mut by_agent: BTreeMap<&Name, Vec<String>> = BTreeMap::new();
    for proposal in proposals {
        by_agent.entry(&proposal.agent).or_default().push(proposal.entry());
    }
    let mut by_file: BTreeMap<_, Vec<Insertion>> = BTreeMap::new();
    for (agent, entries) in by_agent {
        let (name, written) = scenario.scenario.agents.0.get_key_value(agent).expect("it was asked for its document");
        let file = name.span.file;
        let root = node_of(file, sources, &mut Found::default()).expect("it was read before");
        let node = root.get("agents").and_then(|agents| agents.get(agent.as_str())).expect("it is written there");
        // A list of the agent's own takes the place of that of `defaults`, so it says all of it again.
        let inherited = scenario.scenario.defaults.egress.iter().flatten().filter(|_| written.egress.is_none());
        let entries: Vec<_> = inherited.map(|entry| entry_text(&entry.value)).chain(entries).collect();
        by_file.entry(file).or_default().extend(insertions(node, &entries, &sources.get(file).text));
    }
    let edit = |(file, insertions)| {
        let path = sources.get(file).path.clone();
        let bytes = files.read(&path).unwrap_or_default();
        let before = String::from_utf8_lossy(&bytes).into_owned();
        Edit { after: spliced(&before, insertions), path, before }
    };
    by_file.into_iter().map(edit).collect()
}

/// What is put in to give an agent these entries.
fn insertions(agent: &Node, entries: &[String], text: &str) -> Vec<Insertion> {
    if let Some(list) = agent.get("egress") {
        let Value::List(items) = &list.value else { unreachable!("it was read as a list") };
        return match items.last() {
            None => vec![Insertion { at: list.span.start as usize + 1, text: entries.join(", ") }],
            Some(last) if is_flow(list, text) => into_flow_list(list, last, entries, text),
            Some(last) => vec![after_line(last, &items_of_block(&indent_of_item(last, text), entries), text)],
        };
    }
    let Value::Map(fields) = &agent.value else { unreachable!("it was read as a map") };
    let field = format!("egress: [{}]", entries.join(", "));
    match fields.last() {
        None => vec![Insertion { at: agent.span.start as usize + 1, text: format!(" {field} ") }],
        Some((_, last)) if is_flow(agent, text) => {
            vec![Insertion { at: end_of(last, text), text: format!(", {field}") }]
        }
        Some((_, last)) => {
            let indent = indent_before(fields[0].0.span.start as usize, text);
            let items = items_of_block(&format!("{indent}  "), entries);
            vec![after_line(last, &format!("\n{indent}egress:{items}"), text)]
        }
    }
}

/// Into a list in brackets: on lines of their own where the last item has one, else behind it.
fn into_flow_list(list: &Node, item: &Node, entries: &[String], text: &str) -> Vec<Insertion> {
    let end = end_of(item, text);
    let line_end = line_end(end, text);
    let indent = indent_before(item.span.start as usize, text);
    let own_line = text[..item.span.start as usize].ends_with(&format!("\n{indent}"));
    if !own_line || line_end >= list.span.end as usize {
        return vec![Insertion { at: end, text: entries.iter().map(|entry| format!(", {entry}")).collect() }];
    }
    if text[end..].trim_start_matches(' ').starts_with(',') {
        let lines = entries.iter().map(|entry| format!("\n{indent}{entry},")).collect();
        return vec![Insertion { at: line_end, text: lines }];
    }
    let lines = format!("\n{indent}{}", entries.join(&format!(",\n{indent}")));
    vec![Insertion { at: end, text: ",".to_owned() }, Insertion { at: line_end, text: lines }]
}

fn items_of_block(indent: &str, entries: &[String]) -> String {
    entries.iter().map(|entry| format!("\n{indent}- {entry}")).collect()
}

/// Behind the line that a node ends on, and behind the comment there.
fn after_line(node: &Node, lines: &str, text: &str) -> Insertion {
    Insertion { at: line_end(end_of(node, text), text), text: lines.to_owned() }
}

/// Whether a list or map is written in brackets or braces.
fn is_flow(node: &Node, text: &str) -> bool {
    text[node.span.start as usize..].starts_with(['[', '{'])
}

/// The byte after the last letter of a node. What is not in brackets ends where its last value does.
fn end_of(node: &Node, text: &str) -> usize {
    let last = match &node.value {
        Value::List(items) => items.last(),
        Value::Map(fields) => fields.last().map(|(_, value)| value),
        Value::Scalar { .. } => None,
    };
    match last {
        Some(last) if !is_flow(node, text) => end_of(last, text),
        _ => text[..node.span.end as usize].trim_end().len(),
    }
}

fn line_end(at: usize, text: &str) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length)
}

/// The spaces at the start of the line of a byte.
fn indent_before(at: usize, text: &str) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches(' ').len()]
}

/// The spaces before the dash of an item. The dash may stand on an earlier line than what it is for.
fn indent_of_item(item: &Node, text: &str) -> String {
    let before = &text[..line_end(item.span.start as usize, text)];
    let line = before.lines().rev().find(|line| line.trim_start().starts_with('-')).unwrap_or_default();
    " ".repeat(line.len() - line.trim_start().len())
}

/// An entry that is there already, for a list that takes the place of the one it stands in.
fn entry_text(entry: &EgressEntry) -> String {
    let mut fields = Vec::new();
    let mut field = |name: &str, value: String| fields.push(format!("{name}: {value}"));
    match entry {
        EgressEntry::Preset(EgressPreset { preset, until }) => {
            field("preset", yaml::text(preset.value.as_str()));
            if let Some(until) = until {
                field("until", until.value.to_string());
            }
        }
        EgressEntry::Host(EgressHost { host, ports, until, reason, ticket, labels }) => {
            field("host", yaml::text(&host.value.to_string()));
            if let Some(ports) = ports {
                field("ports", listed(ports, ToString::to_string));
            }
            if let Some(until) = until {
                field("until", until.value.to_string());
            }
            field("reason", yaml::text(&reason.value));
            if let Some(ticket) = ticket {
                field("ticket", yaml::text(&ticket.value));
            }
            if let Some(labels) = labels {
                field("labels", listed(labels, |label| label_word(*label).to_owned()));
            }
        }
    }
    format!("{{ {} }}", fields.join(", "))
}

fn listed<T>(values: &[Spanned<T>], text: impl Fn(&T) -> String) -> String {
    let values: Vec<_> = values.iter().map(|value| text(&value.value)).collect();
    format!("[{}]", values.join(", "))
}

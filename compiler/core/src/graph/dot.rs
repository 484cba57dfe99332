//! A graph in the language of Graphviz. Not here: drawing it.

use super::label::plain;
use super::{EdgeKind, Graph, NodeKind};

pub(super) fn print(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n  rankdir=LR\n  node [shape=box]\n", quoted(&graph.scenario));
    for (place, node) in graph.nodes.iter().enumerate() {
        let label = if node.detail.is_empty() {
            quoted(&node.name)
        } else {
            let (name, detail) = (quoted(&node.name), quoted(&node.detail));
            format!("{}\\n{}", name.trim_end_matches('"'), detail.trim_start_matches('"'))
        };
        text.push_str(&format!("  n{place} [label={label} shape={}]\n", shape(node.kind)));
    }
    for edge in &graph.edges {
        let style = match edge.kind {
            EdgeKind::Sends => "style=solid",
            EdgeKind::Asks => "style=solid dir=both",
            EdgeKind::Spawns => "style=dotted",
            EdgeKind::Uses => "style=solid dir=none",
        };
        text.push_str(&format!("  n{} -> n{} [label={} {style}]\n", edge.from, edge.to, quoted(&edge.detail)));
    }
    text.push_str("}\n");
    text
}

fn shape(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Agent => "box",
        NodeKind::Channel => "parallelogram",
        NodeKind::Host => "ellipse",
        NodeKind::Mcp => "component",
        NodeKind::Memory => "cylinder",
        NodeKind::Model => "hexagon",
    }
}

/// A quoted string. Graphviz gives a meaning to the backslash, and reads entities after an ampersand.
fn quoted(text: &str) -> String {
    let text = plain(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;").replace('<', "&lt;");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(quoted("a\"] b\\"), "\"a\\\"] b\\\\\"");
        assert_eq!(quoted("x\ny"), "\"x\u{fffd}y\"");
    }
}

//! A graph as a Mermaid flowchart. Not here: drawing it.

use super::label::plain;
use super::{EdgeKind, Graph, NodeKind};

pub(super) fn print(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, node) in graph.nodes.iter().enumerate() {
        let (open, close) = brackets(node.kind);
        let detail = if node.detail.is_empty() { String::new() } else { format!("<br>{}", escaped(&node.detail)) };
        text.push_str(&format!("  n{place}{open}\"{}{detail}\"{close}\n", escaped(&node.name)));
    }
    for edge in &graph.edges {
        let arrow = match edge.kind {
            EdgeKind::Sends => "-->",
            EdgeKind::Asks => "<-->",
            EdgeKind::Spawns => "-.->",
            EdgeKind::Uses => "---",
        };
        let label = match (edge.kind, edge.detail.as_str()) {
            (EdgeKind::Spawns, _) => "|\"spawns\"|".to_owned(),
            (_, "") => String::new(),
            (_, detail) => format!("|\"{}\"|", escaped(detail)),
        };
        text.push_str(&format!("  n{} {arrow}{label} n{}\n", edge.from, edge.to));
    }
    text
}

fn brackets(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Agent => ("[", "]"),
        NodeKind::Channel => ("[/", "/]"),
        NodeKind::Host => ("([", "])"),
        NodeKind::Mcp => ("[[", "]]"),
        NodeKind::Memory => ("[(", ")]"),
        NodeKind::Model => ("{{", "}}"),
    }
}

/// Everything but letters, digits and harmless signs as a character number, so that no text ends a label or starts markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in plain(text).chars() {
        if letter.is_alphanumeric() || " .,-:/…\u{fffd}".contains(letter) {
            escaped.push(letter);
        } else {
            escaped.push_str(&format!("#{};", u32::from(letter)));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let hostile = escaped("\"]}-->\n<script>`x` #quot; javascript:%%{init}%% _y_");
        assert!(!hostile.contains(['"', ']', '}', '<', '>', '`', '%', '\n', '_', '(']), "{hostile}");
        assert_eq!(escaped("a#b"), "a#35;b");
    }
}

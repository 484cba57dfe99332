//! A graph as text: every agent with what it may use, and what it reaches through the agents it may write to.
//! Not here: colours.

use std::collections::{BTreeMap, VecDeque};

use super::label::plain;
use super::{EdgeKind, Graph, NodeKind};

pub(super) fn print(graph: &Graph) -> String {
    let mut text = format!("{} for {}\n", graph.scenario, graph.environment);
    let agents: Vec<_> = (0..graph.nodes.len()).filter(|place| graph.nodes[*place].kind == NodeKind::Agent).collect();
    let hearing = hearing(graph);
    for agent in &agents {
        let is_last = Some(agent) == agents.last();
        let (branch, rest) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let node = &graph.nodes[*agent];
        let role = if node.detail.is_empty() { String::new() } else { format!(" · {}", plain(&node.detail)) };
        text.push_str(&format!("{branch}{}{role}\n", plain(&node.name)));
        let lines = lines(graph, &hearing, *agent);
        for (place, line) in lines.iter().enumerate() {
            let branch = if place + 1 == lines.len() { "└── " } else { "├── " };
            text.push_str(&format!("{rest}{branch}{line}\n"));
        }
    }
    text
}

fn lines(graph: &Graph, hearing: &BTreeMap<usize, Vec<usize>>, agent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for edge in graph.leaving(agent) {
        let node = &graph.nodes[edge.to];
        let what = match (edge.kind, node.kind) {
            (EdgeKind::Sends, _) => "sends to",
            (EdgeKind::Asks, _) => "asks",
            (EdgeKind::Spawns, _) => "spawns",
            (EdgeKind::Uses, NodeKind::Host) => "reaches",
            (EdgeKind::Uses, NodeKind::Mcp) => "calls mcp",
            (EdgeKind::Uses, NodeKind::Memory) => "remembers in",
            (EdgeKind::Uses, NodeKind::Model) => "thinks with",
            (EdgeKind::Uses, NodeKind::Agent | NodeKind::Channel) => "serves",
        };
        let detail = if edge.detail.is_empty() { String::new() } else { format!(" ({})", plain(&edge.detail)) };
        lines.push(format!("{what} {}{detail}", plain(&node.name)));
    }
    lines.extend(through_others(graph, hearing, agent));
    lines
}

/// For every agent, those that its words can get to in one step, answers included.
fn hearing(graph: &Graph) -> BTreeMap<usize, Vec<usize>> {
    let mut hearing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for edge in &graph.edges {
        match edge.kind {
            EdgeKind::Sends => hearing.entry(edge.from).or_default().push(edge.to),
            EdgeKind::Asks => {
                hearing.entry(edge.from).or_default().push(edge.to);
                hearing.entry(edge.to).or_default().push(edge.from);
            }
            EdgeKind::Spawns | EdgeKind::Uses => {}
        }
    }
    hearing
}

/// Hosts and servers that the agent does not reach itself, each with the shortest way to it.
fn through_others(graph: &Graph, hearing: &BTreeMap<usize, Vec<usize>>, agent: usize) -> Vec<String> {
    let outside = |from: usize| {
        graph
            .leaving(from)
            .map(|edge| edge.to)
            .filter(|to| matches!(graph.nodes[*to].kind, NodeKind::Host | NodeKind::Mcp | NodeKind::Channel))
    };
    let own: Vec<_> = outside(agent).collect();
    let mut ways = BTreeMap::from([(agent, plain(&graph.nodes[agent].name))]);
    let mut far: BTreeMap<usize, String> = BTreeMap::new();
    let mut next = VecDeque::from([agent]);
    while let Some(at) = next.pop_front() {
        let way = ways[&at].clone();
        for place in outside(at).filter(|place| !own.contains(place)) {
            far.entry(place).or_insert_with(|| way.clone());
        }
        for peer in hearing.get(&at).into_iter().flatten() {
            if !ways.contains_key(peer) {
                ways.insert(*peer, format!("{way} → {}", plain(&graph.nodes[*peer].name)));
                next.push_back(*peer);
            }
        }
    }
    far.into_iter().map(|(place, way)| format!("reaches {} through {way}", plain(&graph.nodes[place].name))).collect()
}

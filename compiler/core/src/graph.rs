//! A scenario as a graph: agents, and all that each may write to, reach, call, ask and remember. Not here: whether that is
//! wise (`check`).

mod dot;
mod label;
mod mermaid;
mod tree;

use std::collections::BTreeMap;

use kars_contract::name::Port;
use serde::Serialize;

use crate::render::yaml::to_json;
use crate::resolve::{Agent, Candidate, Resolved};

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// A Mermaid flowchart, which code hosts draw in Markdown.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// Nodes and edges as JSON.
    Json,
    /// Text for a terminal, with what each agent reaches through others.
    Tree,
}

/// A scenario as nodes and edges. Both are sorted, so that the same scenario is the same graph.
#[derive(Debug, Serialize)]
pub struct Graph {
    pub scenario: String,
    pub environment: String,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// Something in a scenario, or something that it reaches.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub kind: NodeKind,
    pub name: String,
    /// What else there is to say: an agent's role, a server's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeKind {
    Agent,
    Channel,
    Host,
    Mcp,
    Memory,
    Model,
}

/// One node may use another. Both are places in the list of nodes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub kind: EdgeKind,
    /// What else there is to say, such as the files that may travel along.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What one node may do with another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EdgeKind {
    /// An agent may start messages to another.
    Sends,
    /// The same, and the other may answer.
    Asks,
    /// An agent may name another in its spawn tool.
    Spawns,
    /// An agent may use what is outside the scenario.
    Uses,
}

impl Graph {
    /// Draws a scenario.
    pub fn of(scenario: &Resolved<'_>) -> Self {
        let mut drawing = Drawing::default();
        for agent in scenario.agents() {
            drawing.agent(agent);
        }
        for edge in &scenario.edges.all {
            let kind = if edge.replies { EdgeKind::Asks } else { EdgeKind::Sends };
            let files: Vec<_> = edge.files.iter().map(|file| file.value.as_str()).collect();
            drawing.link(edge.from.as_str(), kind, edge.to.as_str(), files.join(", "));
        }
        drawing.finish(scenario)
    }

    /// Prints the graph.
    pub fn print(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Mermaid => mermaid::print(self).into_bytes(),
            Format::Dot => dot::print(self).into_bytes(),
            Format::Json => to_json(self),
            Format::Tree => tree::print(self).into_bytes(),
        }
    }

    /// The edges that leave a node.
    fn leaving(&self, node: usize) -> impl Iterator<Item = &Edge> {
        let start = self.edges.partition_point(|edge| edge.from < node);
        self.edges[start..].iter().take_while(move |edge| edge.from == node)
    }
}

/// What tells a node from others.
type Key = (NodeKind, String);

/// Nodes by kind and name, and edges between them, while they are collected.
#[derive(Default)]
struct Drawing {
    nodes: BTreeMap<Key, String>,
    edges: Vec<(Key, EdgeKind, Key, String)>,
}

impl Drawing {
    fn agent(&mut self, agent: &Agent<'_>) {
        let name = agent.name.as_str();
        let role = agent.written.role.as_ref().map(|role| role.value.clone());
        self.nodes.insert((NodeKind::Agent, name.to_owned()), role.unwrap_or_default());
        if let Some(parent) = &agent.written.parent {
            self.link(parent.as_str(), EdgeKind::Spawns, name, String::new());
        }
        for rule in &agent.egress {
            let ports: Vec<_> = rule.ports.iter().map(Port::to_string).collect();
            let until = rule.until.map(|until| format!("until {until}")).unwrap_or_default();
            self.uses(name, NodeKind::Host, &format!("{}:{}", rule.host, ports.join(",")), String::new(), until);
        }
        for (server, written) in &agent.mcp {
            let tools: Vec<_> = written.tools.iter().map(|tool| tool.value.as_str()).collect();
            self.uses(name, NodeKind::Mcp, server.as_str(), written.url.value.clone(), tools.join(", "));
        }
        for (place, Candidate { name: entry, deployment, .. }) in
            agent.model.iter().flat_map(|model| &model.candidates).enumerate()
        {
            let order = if place == 0 { String::new() } else { format!("fallback {place}") };
            self.uses(name, NodeKind::Model, &format!("{entry}: {deployment}"), String::new(), order);
        }
        if let Some((memory, written)) = &agent.memory {
            self.uses(name, NodeKind::Memory, memory.as_str(), written.store.to_string(), String::new());
        }
        for (channel, written) in &agent.channels {
            let kind = written.kind.value.as_str().to_owned();
            self.uses(name, NodeKind::Channel, channel.as_str(), kind, String::new());
        }
    }

    fn uses(&mut self, agent: &str, kind: NodeKind, name: &str, about: String, detail: String) {
        let node = (kind, name.to_owned());
        self.nodes.insert(node.clone(), about);
        self.edges.push(((NodeKind::Agent, agent.to_owned()), EdgeKind::Uses, node, detail));
    }

    fn link(&mut self, from: &str, kind: EdgeKind, to: &str, detail: String) {
        let agent = |name: &str| (NodeKind::Agent, name.to_owned());
        self.edges.push((agent(from), kind, agent(to), detail));
    }

    fn finish(self, scenario: &Resolved<'_>) -> Graph {
        let places: BTreeMap<_, _> = self.nodes.keys().enumerate().map(|(place, node)| (node.clone(), place)).collect();
        let mut edges: Vec<_> = self
            .edges
            .into_iter()
            .map(|(from, kind, to, detail)| Edge { from: places[&from], to: places[&to], kind, detail })
            .collect();
        edges.sort();
        edges.dedup();
        Graph {
            scenario: scenario.scenario.metadata.name.to_string(),
            environment: scenario.target.environment.metadata.name.to_string(),
            nodes: self.nodes.into_iter().map(|((kind, name), detail)| Node { kind, name, detail }).collect(),
            edges,
        }
    }
}

//! Links as single edges, and what each agent may therefore send and receive. Not here: mesh documents.

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_scenario::diagnostic::Found;
use kars_scenario::link::Link;
use kars_scenario::scenario::Scenario;
use kars_scenario::span::{Span, Spanned};

use super::names;

/// One agent may start messages to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    pub from: &'a Spanned<Name>,
    pub to: &'a Spanned<Name>,
    /// Whether the receiver may answer.
    pub replies: bool,
    pub files: &'a [Spanned<String>],
    /// The link that declares it.
    pub span: Span,
}

/// All edges, by the agents at their ends.
#[derive(Debug, Default)]
pub struct Edges<'a> {
    pub all: Vec<Edge<'a>>,
    out: BTreeMap<&'a Name, Vec<usize>>,
    into: BTreeMap<&'a Name, Vec<usize>>,
}

impl<'a> Edges<'a> {
    /// Edges on which an agent starts messages.
    pub fn from(&self, agent: &Name) -> impl Iterator<Item = &Edge<'a>> {
        self.out.get(agent).into_iter().flatten().map(|at| &self.all[*at])
    }

    /// Edges on which an agent receives messages.
    pub fn to(&self, agent: &Name) -> impl Iterator<Item = &Edge<'a>> {
        self.into.get(agent).into_iter().flatten().map(|at| &self.all[*at])
    }

    /// Agents that text of this agent can reach in one step, replies included.
    pub fn hears_from(&self, agent: &Name) -> impl Iterator<Item = (&'a Name, Span)> {
        let started = self.from(agent).map(|edge| (&edge.to.value, edge.span));
        let answered = self.to(agent).filter(|edge| edge.replies).map(|edge| (&edge.from.value, edge.span));
        started.chain(answered)
    }
}

pub(super) fn resolve<'a>(scenario: &'a Scenario, found: &mut Found) -> Edges<'a> {
    let mut edges = Edges::default();
    for link in &scenario.links {
        let Link { from, to, replies, files } = &link.value;
        let known = names::find(from, &scenario.agents, "agents", found).is_some();
        for to in to {
            if names::find(to, &scenario.agents, "agents", found).is_none() || !known {
                continue;
            }
            let place = edges.all.len();
            edges.out.entry(&from.value).or_default().push(place);
            edges.into.entry(&to.value).or_default().push(place);
            edges.all.push(Edge { from, to, replies: *replies, files, span: link.span });
        }
    }
    edges
}

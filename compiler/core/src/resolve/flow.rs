//! What flows where: what each agent has of its own that matters to an attacker, and how text spreads over links.
//! Everything here is linear in agents and links. Not here: which mix is dangerous (`check`).

use std::collections::{BTreeMap, VecDeque};

use kars_contract::name::Name;
use kars_scenario::egress::FlowLabel;
use kars_scenario::span::{Span, Spanned};

use super::{Agent, Edges, Resolved};

/// The flows of a scenario.
#[derive(Debug)]
pub struct Flows<'s, 'a> {
    own: BTreeMap<&'a Name, BTreeMap<FlowLabel, Witness>>,
    untrusted: Spread<'a>,
    edges: &'s Edges<'a>,
}

/// What gives an agent a label, and where it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Witness {
    /// In words: ``the host `example.org` ``.
    pub what: String,
    pub span: Span,
}

/// Text of one agent arrives at another: by a message, or by the reply to one.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    pub from: &'a Name,
    pub to: &'a Name,
    /// The link that lets it.
    pub link: Span,
}

/// How far text spreads, with a shortest way to every agent.
#[derive(Debug, Default)]
pub struct Spread<'a> {
    /// Nothing for an agent at which it starts.
    last: BTreeMap<&'a Name, Option<Step<'a>>>,
}

/// An agent that text arrives at.
#[derive(Debug)]
pub struct Reach<'a> {
    pub agent: &'a Name,
    /// The way there, in order; empty at a start.
    pub path: Vec<Step<'a>>,
}

impl<'s, 'a> Flows<'s, 'a> {
    /// Follows the text of every agent that takes untrusted input.
    pub fn of(scenario: &'s Resolved<'a>) -> Self {
        let own: BTreeMap<_, _> = scenario.agents.iter().map(|(name, agent)| (*name, own(agent))).collect();
        let starts = own.iter().filter(|(_, labels)| labels.contains_key(&FlowLabel::UntrustedInput));
        let untrusted = Spread::from(starts.map(|(name, _)| *name), &scenario.edges);
        Self { own, untrusted, edges: &scenario.edges }
    }

    /// What gives the agent itself a label, links aside.
    pub fn own(&self, agent: &Name, label: FlowLabel) -> Option<&Witness> {
        self.own.get(agent)?.get(&label)
    }

    /// A shortest way by which untrusted input reaches an agent: empty where the agent takes it itself.
    pub fn untrusted_to(&self, agent: &Name) -> Option<Reach<'a>> {
        self.untrusted.to(agent)
    }

    /// The agents that text of this one arrives at, over links and replies, itself included.
    pub fn reach_of(&self, agent: &'a Name) -> Spread<'a> {
        Spread::from([agent], self.edges)
    }
}

impl<'a> Spread<'a> {
    fn from(starts: impl IntoIterator<Item = &'a Name>, edges: &Edges<'a>) -> Self {
        let mut last: BTreeMap<&Name, Option<Step<'_>>> = starts.into_iter().map(|name| (name, None)).collect();
        let mut waiting: VecDeque<&Name> = last.keys().copied().collect();
        while let Some(from) = waiting.pop_front() {
            for (to, link) in edges.hears_from(from) {
                last.entry(to).or_insert_with(|| {
                    waiting.push_back(to);
                    Some(Step { from, to, link })
                });
            }
        }
        Self { last }
    }

    /// The way to an agent, where text arrives there.
    pub fn to(&self, agent: &Name) -> Option<Reach<'a>> {
        let (agent, mut step) = self.last.get_key_value(agent)?;
        let mut path = Vec::new();
        while let Some(taken) = step {
            path.push(*taken);
            step = self.last.get(taken.from).expect("a step leaves an agent that was reached");
        }
        path.reverse();
        Some(Reach { agent, path })
    }

    /// Every agent that text arrives at, by name.
    pub fn agents(&self) -> impl Iterator<Item = &'a Name> {
        self.last.keys().copied()
    }
}

/// The labels of an agent's own tools, hosts, servers, channels and memory, each with the first thing that gives it.
fn own(agent: &Agent<'_>) -> BTreeMap<FlowLabel, Witness> {
    const BOTH: [FlowLabel; 2] = [FlowLabel::UntrustedInput, FlowLabel::WayOut];
    let mut labels = BTreeMap::new();
    let mut note = |given: &mut dyn Iterator<Item = FlowLabel>, what: String, span: Span| {
        for label in given {
            labels.entry(label).or_insert_with(|| Witness { what: what.clone(), span });
        }
    };
    if let Some((name, _)) = agent.memory {
        note(&mut [FlowLabel::PrivateData].into_iter(), format!("the memory `{}`", name.value), name.span);
    }
    for rule in &agent.egress {
        note(&mut rule.labels.iter().copied(), format!("the host `{}`", rule.host), rule.span);
    }
    for (name, server) in &agent.mcp {
        let what = format!("the MCP server `{}`", name.value);
        note(&mut written_or(server.labels.as_deref(), &BOTH), what, name.span);
    }
    for (name, _) in &agent.channels {
        note(&mut BOTH.into_iter(), format!("the channel `{}`", name.value), name.span);
    }
    for (id, granted) in &agent.tools {
        let given = granted.tool.iter().flat_map(|tool| &tool.labels).copied();
        note(&mut { given }, format!("the tool `{id}`"), granted.span);
    }
    if let Some(learn) = &agent.written.learn {
        note(&mut BOTH.into_iter(), "the learning window".to_owned(), learn.span);
    }
    labels
}

fn written_or<'l>(
    written: Option<&'l [Spanned<FlowLabel>]>,
    default: &'l [FlowLabel],
) -> impl Iterator<Item = FlowLabel> {
    let default = if written.is_some() { &[] } else { default };
    written.unwrap_or_default().iter().map(|label| label.value).chain(default.iter().copied())
}

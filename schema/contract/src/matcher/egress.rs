//! Egress rules as lookups: what a decision costs does not grow with the number of rules. Not here: resolving names.

use std::collections::{BTreeSet, HashMap};

use crate::host::Hostname;
use crate::host_pattern::HostPattern;
use crate::id::RuleId;
use crate::instant::Instant;
use crate::name::Port;
use crate::permits::{Decision, Reason};
use crate::router::{EgressRule, Enforcer, Learn};

/// The egress rules of one document.
#[derive(Clone, Debug)]
pub(super) struct EgressIndex {
    rules: Vec<Compiled>,
    /// Places of rules for one host, by the host.
    exact: HashMap<Hostname, Vec<usize>>,
    /// Places of `*.base` rules, by the base.
    one_label: HashMap<Hostname, Vec<usize>>,
    /// Places of `**.base` rules, by the base.
    any_depth: HashMap<Hostname, Vec<usize>>,
    learn: Option<Learn>,
}

/// What remains to be asked of a rule once its pattern is found.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) id: RuleId,
    pub(super) ports: BTreeSet<Port>,
    pub(super) until: Option<Instant>,
}

/// What decides a request.
struct First<'a> {
    reason: Reason,
    id: Option<&'a RuleId>,
    /// The first rule that names the host and does not mean the request.
    other: Option<&'a Compiled>,
}

impl Compiled {
    /// Whether the rule has ended by this moment.
    fn has_ended(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl EgressIndex {
    pub(super) fn new(rules: &[EgressRule], learn: Option<&Learn>) -> Self {
        let mut index = Self {
            rules: Vec::with_capacity(rules.len()),
            exact: HashMap::new(),
            one_label: HashMap::new(),
            any_depth: HashMap::new(),
            learn: learn.cloned(),
        };
        for (place, rule) in rules.iter().enumerate() {
            let lookup = match &rule.host {
                HostPattern::Exact(_) => &mut index.exact,
                HostPattern::OneLabel(_) => &mut index.one_label,
                HostPattern::AnyDepth(_) => &mut index.any_depth,
            };
            lookup.entry(rule.host.base().clone()).or_default().push(place);
            index.rules.push(Compiled { id: rule.id.clone(), ports: rule.ports.clone(), until: rule.until });
        }
        index
    }

    /// Decides by the first rule, in the order of the document, that names host and port and has not ended.
    pub(super) fn decide(&self, host: &Hostname, port: Port, now: Instant) -> Decision {
        let first = self.first_of(host, now, |rule| rule.ports.contains(&port));
        match (first.reason, first.other) {
            (Reason::HostNotListed, Some(other)) => decided(Reason::PortNotListed, Some(&other.id)),
            (reason, _) => decided(reason, first.id),
        }
    }

    /// Decides whether any port of the host may be reached, by the first rule that has one and has not ended.
    pub(super) fn decide_name(&self, host: &Hostname, now: Instant) -> Decision {
        let first = self.first_of(host, now, |rule| !rule.ports.is_empty());
        decided(first.reason, first.id)
    }

    /// What the rules for a host say, of which those count that mean the request. Nothing is put aside for it: this is asked often.
    fn first_of(&self, host: &Hostname, now: Instant, means: impl Fn(&Compiled) -> bool) -> First<'_> {
        let (mut open, mut ended, mut other) = (usize::MAX, usize::MAX, usize::MAX);
        for place in self.places_of(host) {
            let Some(rule) = self.rules.get(place) else { continue };
            let least = match (means(rule), rule.has_ended(now)) {
                (true, false) => &mut open,
                (true, true) => &mut ended,
                (false, _) => &mut other,
            };
            *least = place.min(*least);
        }
        let learn = self.learn.as_ref().filter(|learn| now < learn.until);
        let (reason, id) = match (self.rules.get(open), learn, self.rules.get(ended)) {
            (Some(rule), _, _) => (Reason::Listed, Some(&rule.id)),
            (None, Some(learn), _) => (Reason::Learning, Some(&learn.id)),
            (None, None, Some(rule)) => (Reason::RuleEnded, Some(&rule.id)),
            (None, None, None) => (Reason::HostNotListed, None),
        };
        First { reason, id, other: self.rules.get(other) }
    }

    /// Rules whose pattern means every host that `pattern` means, with their places, in no order.
    pub(super) fn covering<'a>(
        &'a self,
        pattern: &'a HostPattern,
    ) -> Box<dyn Iterator<Item = (usize, &'a Compiled)> + 'a> {
        let base = pattern.base();
        let places: Box<dyn Iterator<Item = usize>> = match pattern {
            HostPattern::Exact(host) => Box::new(self.places_of(host)),
            HostPattern::OneLabel(_) => {
                Box::new(at(&self.one_label, base.as_str()).chain(self.any_depth_from(Some(base.as_str()))))
            }
            HostPattern::AnyDepth(_) => Box::new(self.any_depth_from(Some(base.as_str()))),
        };
        Box::new(places.filter_map(|place| Some((place, self.rules.get(place)?))))
    }

    fn places_of<'a>(&'a self, host: &'a Hostname) -> impl Iterator<Item = usize> + 'a {
        let exact = at(&self.exact, host.as_str());
        let one_label = host.parent().into_iter().flat_map(|parent| at(&self.one_label, parent));
        exact.chain(one_label).chain(self.any_depth_from(host.parent()))
    }

    /// Places of `**` rules over this name or any name above it.
    fn any_depth_from<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = usize> + 'a {
        let above = |name: &&'a str| name.split_once('.').map(|(_, parent)| parent);
        std::iter::successors(name, above).flat_map(|name| at(&self.any_depth, name))
    }
}

fn at<'a>(lookup: &'a HashMap<Hostname, Vec<usize>>, name: &str) -> impl Iterator<Item = usize> + 'a {
    lookup.get(name).into_iter().flatten().copied()
}

fn decided(reason: Reason, rule: Option<&RuleId>) -> Decision {
    Decision::new(reason, rule, Enforcer::Router)
}

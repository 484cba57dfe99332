//! Rules that can never decide anything, found by the matcher's own lookups. Not here: what to say to the author.

use std::collections::BTreeMap;
use std::fmt;

use crate::id::RuleId;
use crate::instant::Instant;
use crate::matcher::argument::covers;
use crate::matcher::policy::Policy;
use crate::matcher::tools::ToolPolicy;
use crate::name::Port;
use crate::router::{Effect, EgressRule, RouterDocument, ToolRule};

/// A rule that never decides.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Unreachable {
    /// The rule.
    pub rule: RuleId,
    /// Why it never does.
    pub because: UnreachableBecause,
}

/// Why a rule never decides.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum UnreachableBecause {
    /// The agent has none of the tools it names.
    NotGranted,
    /// Every call it means is refused by this rule.
    DeniedBy(RuleId),
    /// Everything it means is decided by this rule before.
    CoveredBy(RuleId),
    /// It names no port.
    NoPorts,
}

impl fmt::Display for UnreachableBecause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => formatter.write_str("the agent has no tool that it names"),
            Self::DeniedBy(rule) => write!(formatter, "`{rule}` denies all that it means"),
            Self::CoveredBy(rule) => write!(formatter, "`{rule}` decides all that it means before it"),
            Self::NoPorts => formatter.write_str("it names no port"),
        }
    }
}

/// Every rule of the document that can never decide: egress rules first, then tool rules, in their order.
///
/// What is found never decides; that all such rules are found is not promised.
#[must_use]
pub fn unreachable_rules(document: &RouterDocument) -> Vec<Unreachable> {
    let policy = Policy::new(document);
    let egress = document.egress.iter().enumerate().filter_map(|(place, rule)| {
        let because = egress_because(&policy, place, rule)?;
        Some(Unreachable { rule: rule.id.clone(), because })
    });
    egress.chain(policy.tools.unreachable_rules()).collect()
}

impl ToolPolicy {
    /// Every rule that can never decide a call, in the order of the rules.
    #[must_use]
    pub fn unreachable_rules(&self) -> Vec<Unreachable> {
        let findings = tool_findings(self);
        let rules = self.rules.iter().enumerate().filter_map(|(place, rule)| {
            let because = findings.get(&place).map_or(Some(UnreachableBecause::NotGranted), Clone::clone)?;
            Some(Unreachable { rule: rule.id.clone(), because })
        });
        rules.collect()
    }
}

fn egress_because(policy: &Policy, place: usize, rule: &EgressRule) -> Option<UnreachableBecause> {
    let mut because = UnreachableBecause::NoPorts;
    for port in &rule.ports {
        because = UnreachableBecause::CoveredBy(earlier_egress(policy, place, rule, *port)?);
    }
    Some(because)
}

/// The first earlier rule that means the same hosts and port and does not end before this one.
fn earlier_egress(policy: &Policy, place: usize, rule: &EgressRule, port: Port) -> Option<RuleId> {
    let end = |until: Option<Instant>| until.map_or((1, None), |until| (0, Some(until)));
    let covering = policy.egress.covering(&rule.host).filter(|(other_place, other)| {
        *other_place < place && other.ports.contains(&port) && end(other.until) >= end(rule.until)
    });
    covering.min_by_key(|(other_place, _)| *other_place).map(|(_, other)| other.id.clone())
}

/// For the place of each rule that names a granted tool: why it is dead for all of them, or nothing if it is not.
fn tool_findings(policy: &ToolPolicy) -> BTreeMap<usize, Option<UnreachableBecause>> {
    let mut findings = BTreeMap::new();
    for tool in policy.granted() {
        let rules = policy.naming(tool);
        for (place, rule) in &rules {
            let because = tool_because(&rules, *place, rule);
            // One tool for which the rule decides is enough to keep it.
            let finding = findings.entry(*place).or_insert_with(|| because.clone());
            if because.is_none() {
                *finding = None;
            }
        }
    }
    findings
}

/// Why a rule never decides for a tool, of which `rules` are all that name it.
fn tool_because(rules: &[(usize, &ToolRule)], place: usize, rule: &ToolRule) -> Option<UnreachableBecause> {
    rules.iter().filter(|(_, other)| covers(&other.when, &rule.when)).find_map(|(other_place, other)| {
        let earlier = *other_place < place;
        match (other.effect, rule.effect) {
            (Effect::Deny, Effect::Allow | Effect::Limit { .. }) => {
                Some(UnreachableBecause::DeniedBy(other.id.clone()))
            }
            (Effect::Deny, Effect::Deny) | (Effect::Allow, Effect::Allow) if earlier => {
                Some(UnreachableBecause::CoveredBy(other.id.clone()))
            }
            _ => None,
        }
    })
}

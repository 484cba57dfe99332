//! Tool rules as lookups. A deny wins over all; where a tool is named by any allow, only what an allow means passes.
//!
//! Not here: what fits an argument (`argument`), and counting.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::id::RuleId;
use crate::matcher::argument::{Fit, fits};
use crate::permits::{Arguments, Bucket, Decision, Reason};
use crate::router::{Effect, Enforcer, GrantedTool, RouterDocument, ToolRule};
use crate::tool::{ToolId, ToolPattern};

/// The tools of an agent and the rules on them, compiled once, asked often.
#[derive(Clone, Debug)]
pub struct ToolPolicy {
    /// Every tool the agent has, with the line that grants it.
    granted: BTreeMap<ToolId, Grant>,
    pub(super) rules: Vec<ToolRule>,
    /// Places of rules for one tool, by the tool.
    by_tool: HashMap<ToolId, Vec<usize>>,
    /// Places of rules for a set, by `provider.set`.
    by_set: HashMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Grant {
    id: RuleId,
    enforced: Enforcer,
}

impl ToolPolicy {
    pub(super) fn new(document: &RouterDocument) -> Self {
        let mut index = Self::of(&document.tools, &document.rules);
        for (name, server) in &document.mcp {
            let ids = server.tools.iter().filter_map(|tool| ToolId::mcp(name, tool).ok());
            index.granted.extend(ids.map(|id| (id, Grant { id: server.id.clone(), enforced: Enforcer::Router })));
        }
        index
    }

    /// Compiles tools and rules alone, for questions that nothing else of a document answers.
    #[must_use]
    pub fn of(tools: &[GrantedTool], rules: &[ToolRule]) -> Self {
        let mut granted = BTreeMap::new();
        for tool in tools {
            granted.insert(tool.tool.clone(), Grant { id: tool.id.clone(), enforced: tool.enforced });
        }
        let mut index = Self { granted, rules: rules.to_vec(), by_tool: HashMap::new(), by_set: HashMap::new() };
        for (place, rule) in rules.iter().enumerate() {
            match &rule.tool {
                ToolPattern::Exact(id) => index.by_tool.entry(id.clone()).or_default().push(place),
                ToolPattern::Set(set) => index.by_set.entry(set.clone()).or_default().push(place),
            }
        }
        index
    }

    /// Every tool that the agent has.
    pub(super) fn granted(&self) -> impl Iterator<Item = &ToolId> {
        self.granted.keys()
    }

    /// The rules that name a tool, with their places, in the order of the document.
    pub(super) fn naming(&self, tool: &ToolId) -> Vec<(usize, &ToolRule)> {
        let exact = self.by_tool.get(tool).into_iter().flatten();
        let places: BTreeSet<usize> = exact.chain(self.by_set.get(tool.set()).into_iter().flatten()).copied().collect();
        places.into_iter().filter_map(|place| Some((place, self.rules.get(place)?))).collect()
    }

    /// Decides a call. Nothing but the rules and the arguments decides.
    #[must_use]
    pub fn decide(&self, tool: &ToolId, args: &Arguments) -> Decision {
        let Some(grant) = self.granted.get(tool) else {
            return Decision::new(Reason::ToolNotGranted, None, tool.enforcer());
        };
        let decided = |reason, rule: &RuleId| Decision::new(reason, Some(rule), grant.enforced);
        let rules = self.naming(tool);
        let mut limits = Vec::new();
        let (mut first_allow, mut allowing) = (None, None);
        for (_, rule) in &rules {
            let fit = fits(&rule.when, args);
            match rule.effect {
                Effect::Deny if fit >= Fit::Unsure => return decided(Reason::DenyRule, &rule.id),
                Effect::Limit { calls, per_seconds } if fit >= Fit::Unsure => {
                    limits.push(Bucket { rule: rule.id.clone(), calls, per_seconds });
                }
                Effect::Allow => {
                    first_allow = first_allow.or(Some(&rule.id));
                    allowing = allowing.or((fit == Fit::Yes).then_some(&rule.id));
                }
                Effect::Deny | Effect::Limit { .. } => {}
            }
        }
        let decision = match (allowing, first_allow) {
            (Some(rule), _) => decided(Reason::AllowRule, rule),
            (None, Some(rule)) => return decided(Reason::NoAllowRule, rule),
            (None, None) => decided(Reason::Granted, &grant.id),
        };
        Decision { limits, ..decision }
    }
}

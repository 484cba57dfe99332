//! Rule sets of an agent as one list, in the order they are read. Not here: what they decide (the contract's matcher).

use kars_contract::id::RuleId;
use kars_contract::name::Name;
use kars_scenario::diagnostic::Found;
use kars_scenario::rule::Rule;
use kars_scenario::span::{Span, Spanned};

use super::{Scope, names};

/// A rule that holds for an agent.
#[derive(Clone, Debug)]
pub struct RuleUse<'a> {
    pub id: RuleId,
    pub rule: &'a Rule,
    /// Where it is written.
    pub span: Span,
    /// Where the agent, or `defaults`, names its set.
    pub set: &'a Spanned<Name>,
}

pub(super) fn resolve<'a>(sets: &'a [Spanned<Name>], scope: Scope<'a, '_>, found: &mut Found) -> Vec<RuleUse<'a>> {
    let mut uses = Vec::new();
    for set in sets {
        let Some(rules) = names::find(set, &scope.parsed.scenario.rules, "rules", found) else { continue };
        uses.extend(rules.iter().enumerate().map(|(place, rule)| RuleUse {
            id: RuleId::rule(&set.value, place),
            rule: &rule.value,
            span: rule.span,
            set,
        }));
    }
    uses
}

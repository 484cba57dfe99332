//! K0637: a grant that adds nothing. Not here: names in other lists (K0641).

use std::collections::BTreeMap;

use kars_contract::tool::ToolPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::{Span, Spanned};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(637), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let own = scenario.scenario.agents.iter().filter_map(|(_, agent)| agent.tools.as_ref());
    for list in scenario.scenario.defaults.tools.iter().chain(own) {
        for (pattern, cover) in covered(list) {
            found.push(
                Diagnostic::warning(RULE.code, pattern.span, format!("`{}` is granted twice", pattern.value))
                    .because(cover, "granted here")
                    .help("remove one of them"),
            );
        }
    }
}

/// Every pattern that grants nothing new, with one that grants it.
fn covered(list: &[Spanned<ToolPattern>]) -> Vec<(&Spanned<ToolPattern>, Span)> {
    let mut first: BTreeMap<&ToolPattern, Span> = BTreeMap::new();
    let mut covered = Vec::new();
    for pattern in list {
        match first.get(&pattern.value) {
            Some(span) => covered.push((pattern, *span)),
            None => first.extend([(&pattern.value, pattern.span)]),
        }
    }
    for pattern in list {
        if let ToolPattern::Exact(tool) = &pattern.value
            && let Some(set) = first.get(&ToolPattern::Set(tool.set().to_owned()))
        {
            covered.push((pattern, *set));
        }
    }
    covered
}

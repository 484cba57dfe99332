//! K0207: parents in a circle. Every agent has one parent at most, so each circle is walked once. Not here: links, which
//! may go in circles.

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Name;

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(207), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    // The walk in which each agent was first met: an agent met again in the same walk closes a circle.
    let mut met: BTreeMap<&Name, usize> = BTreeMap::new();
    for (walk, start) in scenario.agents().enumerate() {
        let mut path: Vec<&Agent<'_>> = Vec::new();
        let mut next = Some(start);
        while let Some(agent) = next {
            match met.get(&agent.name.value) {
                None => {
                    met.insert(&agent.name.value, walk);
                    path.push(agent);
                    next = agent.written.parent.as_ref().and_then(|parent| scenario.agents.get(&parent.value));
                }
                Some(before) => {
                    if *before == walk {
                        let from = path.iter().position(|met| met.name.value == agent.name.value);
                        found.push(circle(&path[from.expect("this walk met it")..]));
                    }
                    break;
                }
            }
        }
    }
}

fn circle(agents: &[&Agent<'_>]) -> Diagnostic {
    let (first, others) = agents.split_first().expect("a circle has an agent");
    let parent = first.written.parent.as_ref().expect("every agent of a circle has a parent");
    let mut path: Vec<_> = agents.iter().map(|agent| format!("`{}`", agent.name.value)).collect();
    path.push(format!("`{}`", first.name.value));
    let message = match others {
        [] => format!("`{}` is its own parent", first.name.value),
        _ => "parents go in a circle".to_owned(),
    };
    let mut diagnostic = Diagnostic::error(RULE.code, parent.span, message).help("remove one `parent`");
    if !others.is_empty() {
        diagnostic = diagnostic.label(format!("the way up is {}", path.join(", ")));
    }
    for other in others {
        let parent = other.written.parent.as_ref().expect("every agent of a circle has a parent");
        diagnostic = diagnostic.because(parent.span, format!("the parent of `{}`", other.name.value));
    }
    diagnostic
}

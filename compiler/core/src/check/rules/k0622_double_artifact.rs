//! K0622: each produced file once, and no two of one name for the same receiver. Not here: their paths (K0621).

use std::collections::BTreeMap;

use kars_contract::router::FilePattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{Agent, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(622), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let mut seen = BTreeMap::new();
        for artifact in &agent.written.produces {
            let Some(first) = seen.insert(&artifact.path.value, artifact.path.span) else { continue };
            found.push(
                Diagnostic::error(RULE.code, artifact.path.span, format!("`{}` is produced twice", artifact.path.value))
                    .because(first, "also here")
                    .help("remove one of them"),
            );
        }
        arrivals(scenario, agent, found);
    }
}

/// A file that arrives has the name it had at its sender, under `incoming/`: a second one of that name replaces it.
fn arrivals(scenario: &Resolved<'_>, receiver: &Agent<'_>, found: &mut Found) {
    let mut arriving = BTreeMap::new();
    for edge in scenario.edges.to(&receiver.name.value).filter(|edge| !edge.files.is_empty()) {
        let Some(sender) = scenario.agents.get(&edge.from.value) else { continue };
        let patterns: Vec<_> = edge.files.iter().filter_map(|file| FilePattern::parse(file).ok()).collect();
        let sent = sender.written.produces.iter().filter(|made| patterns.iter().any(|file| file.matches(&made.path)));
        for artifact in sent {
            let name = artifact.path.rsplit('/').next().unwrap_or_default();
            let Some((other, first)) = arriving.insert(name, (sender, artifact.path.span)) else { continue };
            if other.name == sender.name && first == artifact.path.span {
                continue;
            }
            let message = format!("two files called `{name}` reach `{}`", receiver.name.value);
            found.push(
                Diagnostic::error(RULE.code, artifact.path.span, message)
                    .label(format!("sent by `{}`", sender.name.value))
                    .because(first, format!("sent by `{}`", other.name.value))
                    .because(edge.span, "this link carries it")
                    .help("give them different names: both arrive as `incoming/NAME`, and one would replace the other"),
            );
        }
    }
}

//! K0636: one chat token, one agent, one channel. Not here: who may write to it (K0627).

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(636), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let mut tokens = BTreeMap::new();
    for agent in scenario.agents() {
        let mut kinds = BTreeMap::new();
        for (named, channel) in &agent.channels {
            let service = channel.kind.as_str();
            if let Some(first) = kinds.insert(channel.kind.value, named.span) {
                found.push(
                    Diagnostic::error(RULE.code, named.span, format!("`{}` serves two {service} channels", agent.name.value))
                        .because(first, "the other one")
                        .help("keep one: the runtime takes a single token for each service"),
                );
            }
            let Some((other, first)) = tokens.insert((channel.kind.value, &channel.credential), (agent.name, named.span))
            else {
                continue;
            };
            if other != agent.name {
                let message = format!("`{}` and `{}` serve the same {service} channel", other.value, agent.name.value);
                found.push(
                    Diagnostic::error(RULE.code, named.span, message)
                        .label("each would take messages meant for the other")
                        .because(first, format!("also served by `{}`", other.value))
                        .help("give each agent a channel with its own token"),
                );
            }
        }
    }
}

//! K0627: a channel that listens to nobody. Not here: its token (K0411).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(627), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for (name, _) in scenario.scenario.channels.iter().filter(|(_, channel)| channel.allow_from.is_empty()) {
        found.push(
            Diagnostic::error(RULE.code, name.span, format!("the channel `{}` listens to nobody", name.value))
                .label("its `allowFrom` is empty")
                .help("list the user ids that the agent listens to"),
        );
    }
}

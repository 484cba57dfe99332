//! K0638: an agent writes unasked only to somebody it listens to. Not here: groups, whose numbers are below zero.

use kars_scenario::binding::ChannelKind;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(638), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    // Only Telegram gives a private chat the number of its user.
    let telegram = |kind| kind == ChannelKind::Telegram;
    for (name, channel) in scenario.scenario.channels.iter().filter(|(_, channel)| telegram(channel.kind.value)) {
        let Some(home) = &channel.home else { continue };
        let Ok(user) = u64::try_from(home.value) else { continue };
        if channel.allow_from.is_empty() || channel.allow_from.iter().any(|allowed| allowed.value == user) {
            continue;
        }
        found.push(
            Diagnostic::warning(RULE.code, home.span, format!("`{}` writes to a user it does not listen to", name.value))
                .label(format!("{user} is not in `allowFrom`"))
                .help("add the user to `allowFrom`, or correct `home`"),
        );
    }
}

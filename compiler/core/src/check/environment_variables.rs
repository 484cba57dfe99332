//! Every place where environment variables are written, each once. Not here: which names are refused.

use kars_scenario::pod::EnvVar;
use kars_scenario::span::Spanned;

use crate::resolve::Resolved;

/// The lists of `defaults` and of all agents that write their own.
pub(super) fn lists<'a>(scenario: &'a Resolved<'_>) -> impl Iterator<Item = &'a [Spanned<EnvVar>]> {
    let defaults = scenario.scenario.defaults.env.iter();
    let own = scenario.scenario.agents.iter().filter_map(|(_, agent)| agent.env.as_ref());
    defaults.chain(own).map(Vec::as_slice)
}

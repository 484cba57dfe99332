//! K0411: the token of a chat channel sits in the agent's container. Not here: what flows over the channel (K0412).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(411), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        for (name, channel) in &agent.channels {
            let (service, agent_name) = (channel.kind.value.as_str(), &agent.name.value);
            found.push(
                Diagnostic::warning(RULE.code, name.span, format!("`{agent_name}` holds the token of `{}`", name.value))
                    .label(format!("{service} wants it inside TLS, where the router cannot put it"))
                    .because(channel.credential.secret.span, "whoever takes over the agent has this Secret's key")
                    .help(format!("serve the channel from an agent with few tools, and add an exception for K0411 at `agents.{agent_name}`"))
                    .at(format!("agents.{agent_name}")),
            );
        }
    }
}

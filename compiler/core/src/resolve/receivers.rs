//! Which services are shown which secrets. Not here: whether they may be (`check`).

use std::collections::BTreeSet;

use kars_contract::endpoint::Endpoint;
use kars_contract::host_pattern::HostPattern;
use kars_scenario::credential::{Credential, SecretName};
use kars_scenario::span::{Span, Spanned};

use super::{Agent, Resolved};

/// A service that is shown a secret.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Receiver<'a> {
    /// The Secret, where it is named.
    pub secret: &'a Spanned<SecretName>,
    pub host: HostPattern,
    /// Where the host is written, or what it follows from.
    pub place: Span,
}

impl<'a> Resolved<'a> {
    /// Every model, MCP server and channel that is shown a secret. Addresses that cannot be read are left to their own
    /// rules.
    pub fn receivers(&self) -> BTreeSet<Receiver<'a>> {
        let models = self.scenario.models.iter().filter_map(|(_, model)| {
            let provider = self.catalog.providers.get(&model.provider.value);
            let fixed = provider.and_then(|provider| provider.default_endpoint.as_ref());
            Some((&model.credential, model.endpoint.as_ref().or(fixed)?))
        });
        let servers = self.scenario.mcp_servers.iter();
        let servers = servers.filter_map(|(_, server)| Some((server.credential.as_ref()?, &server.url)));
        let mut receivers: BTreeSet<_> =
            models.chain(servers).filter_map(|(credential, url)| of_url(credential, url)).collect();
        for agent in self.agents() {
            receivers.extend(of_channels(agent));
        }
        receivers
    }
}

fn of_url<'a>(credential: &'a Credential, url: &Spanned<String>) -> Option<Receiver<'a>> {
    let Credential::Secret(key) = credential else { return None };
    let host = Endpoint::parse(&url.value).ok()?.public_host()?;
    Some(Receiver { secret: &key.secret, host: host.into(), place: url.span })
}

/// The token of a channel sits in the agent, which shows it to the hosts of that service.
fn of_channels<'r, 'a>(agent: &'r Agent<'a>) -> impl Iterator<Item = Receiver<'a>> + use<'r, 'a> {
    let descriptor = agent.runtime.as_ref().map(|runtime| runtime.descriptor);
    agent.channels.iter().flat_map(move |(_, channel)| {
        let needs = descriptor.and_then(|descriptor| descriptor.channels.get(channel.kind.value.as_str()));
        let hosts = needs.into_iter().flat_map(|needs| &needs.hosts);
        hosts.map(|host| Receiver {
            secret: &channel.credential.secret,
            host: host.value.clone(),
            place: channel.kind.span,
        })
    })
}

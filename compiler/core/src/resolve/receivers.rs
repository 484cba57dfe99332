//! Which services are shown which secrets. Not here: whether they may be (`check`).

use std::collections::BTreeSet;

use kars_contract::endpoint::Endpoint;
use kars_contract::host::Hostname;
use kars_contract::host_pattern::HostPattern;
use kars_contract::router::TokenIssuer;
use kars_scenario::credential::{Credential, SecretName};
use kars_scenario::model::Model;
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
        let models = self.scenario.models.iter().filter_map(|(_, model)| self.of_model(model));
        let servers = self.scenario.mcp_servers.iter();
        let servers = servers.filter_map(|(_, server)| of_url(server.credential.as_ref()?, &server.url));
        let mut receivers: BTreeSet<_> = models.chain(servers).collect();
        for agent in self.agents() {
            receivers.extend(of_channels(agent));
        }
        receivers
    }

    /// Where the secret is exchanged for a token, its provider is shown the token alone.
    fn of_model(&self, model: &'a Model) -> Option<Receiver<'a>> {
        let issuer = TokenIssuer::of_secret(model.provider.value).and_then(TokenIssuer::host);
        if let (Credential::Secret(key), Some(host)) = (&model.credential.value, issuer) {
            let host = Hostname::parse(host.as_str()).ok()?.into();
            return Some(Receiver { secret: &key.secret, host, place: model.provider.span });
        }
        let provider = self.catalog.providers.get(&model.provider.value);
        let fixed = provider.and_then(|provider| provider.default_endpoint.as_ref());
        of_url(&model.credential, model.endpoint.as_ref().or(fixed)?)
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

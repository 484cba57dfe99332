//! Which services routers show which secrets. Not here: whether they may (`check`).

use kars_contract::endpoint::Endpoint;
use kars_contract::host::Hostname;
use kars_scenario::credential::{Credential, SecretName};
use kars_scenario::span::{Span, Spanned};

use super::Resolved;

/// A service that routers show a secret.
#[derive(Clone, Debug)]
pub struct Receiver<'a> {
    /// The Secret, where it is named.
    pub secret: &'a Spanned<SecretName>,
    pub host: Hostname,
    /// Where the host is written.
    pub url: Span,
}

impl<'a> Resolved<'a> {
    /// Every model and MCP server that is shown a secret. Addresses that cannot be read are left to their own rules.
    pub fn receivers(&self) -> impl Iterator<Item = Receiver<'a>> {
        let models = self.scenario.models.iter().filter_map(|(_, model)| {
            let provider = self.catalog.providers.get(&model.provider.value);
            let fixed = provider.and_then(|provider| provider.default_endpoint.as_ref());
            Some((&model.credential, model.endpoint.as_ref().or(fixed)?))
        });
        let servers = self.scenario.mcp_servers.iter();
        let servers = servers.filter_map(|(_, server)| Some((server.credential.as_ref()?, &server.url)));
        models.chain(servers).filter_map(|(credential, url)| {
            let Credential::Secret(key) = &credential.value else { return None };
            let host = Endpoint::parse(&url.value).ok()?.public_host()?;
            Some(Receiver { secret: &key.secret, host, url: url.span })
        })
    }
}

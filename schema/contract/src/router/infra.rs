//! What the router itself connects to. Not here: anything that an agent can choose.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inference::{Credential, Provider};
use crate::cidr::Cidr;
use crate::host::{InvalidHostname, dns_name};
use crate::name::{Name, Port};
use crate::settings::{HTTP_PORT, HTTPS_PORT};
use crate::text::text_newtype;

/// A destination of the router's own: relay, registry, resolver, token endpoint, private endpoint, telemetry.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InfraDestination {
    /// The name to resolve; absent when only addresses are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<InternalHost>,
    /// Where its addresses must lie. Absent, they must be public, or private for a name of the cluster itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<Cidr>,
    /// Its ports.
    pub ports: BTreeSet<Port>,
}

/// Any DNS name in canonical form, names of the cluster included. Never made from what an agent sends.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct InternalHost(String);

text_newtype!(InternalHost, InvalidHostname);

impl InternalHost {
    /// Normalises a name.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        dns_name(text).map(Self)
    }
}

/// Who gives the router a token for what it holds. Each is an entry of `infra`, and is asked there alone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TokenIssuer {
    /// GitHub: a Copilot token for a GitHub token.
    Copilot,
    /// Microsoft Entra: an access token for the service-account token of the pod.
    Entra,
    /// The node: an access token for its own identity.
    Node,
}

impl TokenIssuer {
    /// Who is asked before a service is shown this credential; nobody where the credential is shown as it is. `provider` is that
    /// of a model.
    #[must_use]
    pub fn of(provider: Option<Provider>, credential: &Credential) -> Option<Self> {
        match credential {
            Credential::Secret(_) => provider.and_then(Self::of_secret),
            Credential::WorkloadIdentity { .. } => Some(Self::Entra),
            Credential::ManagedIdentity {} => Some(Self::Node),
        }
    }

    /// Who is shown the secret of a provider's models in its place; nobody where the provider itself is.
    #[must_use]
    pub fn of_secret(provider: Provider) -> Option<Self> {
        (provider == Provider::GithubCopilot).then_some(Self::Copilot)
    }

    /// The name of its entry in `infra`.
    #[must_use]
    pub fn name(self) -> Name {
        let name = match self {
            Self::Copilot => "copilot-exchange",
            Self::Entra => "token-exchange",
            Self::Node => "node-identity",
        };
        Name::parse(name).expect("our own words are names")
    }

    /// The host that it has for everybody; none for the node, which has an address alone.
    #[must_use]
    pub fn host(self) -> Option<InternalHost> {
        let host = match self {
            Self::Copilot => "api.github.com",
            Self::Entra => "login.microsoftonline.com",
            Self::Node => return None,
        };
        Some(InternalHost::parse(host).expect("it is a DNS name"))
    }

    /// Where it is: a public host over TLS, or the one address at which every node of the cloud answers.
    #[must_use]
    pub fn destination(self) -> InfraDestination {
        let host = self.host();
        let node = Cidr::of_address(IpAddr::from([169, 254, 169, 254]));
        let port = if host.is_some() { HTTPS_PORT } else { HTTP_PORT };
        InfraDestination { cidr: host.is_none().then_some(node), host, ports: BTreeSet::from([port]) }
    }
}

//! What a route is shown: a secret as it lies there, or a token in exchange for something. Not here: the exchange.

use kars_contract::router::{Credential, Provider, Route, TokenIssuer};
use kars_contract::{Guid, SecretRef};

/// What a token is exchanged for. Equal grants share a token.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Grant {
    /// A GitHub token, for one of Copilot.
    Copilot(SecretRef),
    /// The service-account token of the pod, for one of Microsoft Entra.
    Entra {
        /// The directory of the application.
        tenant: Guid,
        /// The application.
        client: Guid,
        /// Whom the token is meant for.
        resource: &'static str,
    },
    /// The identity of the node.
    Node {
        /// Whom the token is meant for.
        resource: &'static str,
    },
}

/// What a route's credential is to the router.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Held<'r> {
    /// A secret that the provider itself is shown.
    Secret(&'r SecretRef),
    /// Something that is exchanged for what the provider is shown.
    Grant(Grant),
}

impl<'r> Held<'r> {
    /// That of a route.
    #[must_use]
    pub(super) fn of(route: &'r Route) -> Self {
        match &route.credential {
            Credential::Secret(reference) => match TokenIssuer::of_secret(route.provider) {
                Some(_) => Self::Grant(Grant::Copilot(reference.clone())),
                None => Self::Secret(reference),
            },
            Credential::WorkloadIdentity { client_id, tenant_id } => Self::Grant(Grant::Entra {
                tenant: tenant_id.clone(),
                client: client_id.clone(),
                resource: resource(route),
            }),
            Credential::ManagedIdentity {} => Self::Grant(Grant::Node { resource: resource(route) }),
        }
    }
}

impl Grant {
    /// Who exchanges it.
    #[must_use]
    pub(super) fn issuer(&self) -> TokenIssuer {
        match self {
            Self::Copilot(_) => TokenIssuer::Copilot,
            Self::Entra { .. } => TokenIssuer::Entra,
            Self::Node { .. } => TokenIssuer::Node,
        }
    }
}

/// Whom Azure's tokens are meant for: a project of Foundry, or a resource for models.
fn resource(route: &Route) -> &'static str {
    let is_project = route.provider == Provider::AzureFoundry && route.endpoint.path().starts_with("/api/projects/");
    if is_project { "https://ai.azure.com" } else { "https://cognitiveservices.azure.com" }
}

//! Credentials: references only, never a value. Not here: where the secret store is (the environment).

use kars_contract::name::Guid;
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;
use crate::decode::{Decode, Fields};
use crate::diagnostic::{Diagnostic, Found};
use crate::node::Node;
use crate::span::Spanned;

/// How the router proves to a service that it may call it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Credential {
    /// A key of a Kubernetes Secret.
    Secret(SecretKey),
    /// A federated service-account token, exchanged at the identity provider.
    #[serde(rename_all = "camelCase")]
    WorkloadIdentity {
        /// The application that the router's service-account token stands for.
        workload_identity: WorkloadIdentity,
    },
    /// The identity of the node.
    #[serde(rename_all = "camelCase")]
    ManagedIdentity {
        /// An empty map: the node knows the rest.
        managed_identity: ManagedIdentity,
    },
}

/// One key of a Kubernetes Secret, by name.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// The name of the Kubernetes Secret in the agent's namespace: `model-credentials`.
    pub secret: Spanned<SecretName>,
    /// The key inside the Secret: `AZURE_OPENAI_API_KEY`.
    pub key: Spanned<KeyName>,
}

/// The application that the token stands for.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadIdentity {
    /// The client id, a UUID.
    pub client_id: Spanned<ClientId>,
    /// The id of the tenant that the application is registered in, a UUID. Tokens are asked for at
    /// `login.microsoftonline.com/<tenantId>`.
    pub tenant_id: Spanned<TenantId>,
}

/// Nothing to say: the node knows.
#[derive(Clone, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedIdentity {}

impl Decode for Credential {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        if node.get("secret").is_some() || node.get("key").is_some() {
            return SecretKey::decode(node, found).map(Self::Secret);
        }
        let mut fields = Fields::open(node, found)?;
        let workload: Option<WorkloadIdentity> = fields.or_default("workloadIdentity", found)?;
        let managed: Option<ManagedIdentity> = fields.or_default("managedIdentity", found)?;
        fields.close(found);
        match (workload, managed) {
            (Some(workload_identity), None) => Some(Self::WorkloadIdentity { workload_identity }),
            (None, Some(managed_identity)) => Some(Self::ManagedIdentity { managed_identity }),
            _ => {
                found.lose(Diagnostic::error(codes::WRONG_TYPE, node.span, "a credential has exactly one form").help(
                    "write `{secret, key}`, `{workloadIdentity: {clientId, tenantId}}` or `{managedIdentity: {}}`",
                ));
                None
            }
        }
    }
}

crate::text::text_type! {
    /// The name of a Kubernetes Secret: a DNS name of at most 253 characters.
    SecretName, "the name of a Secret", 253, "^[a-z0-9]+([-.][a-z0-9]+)*$",
    |text| crate::text::separated(text, &['-', '.'], |letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()),
    "use lower-case letters, digits, dashes and dots"
}
crate::text::text_type! {
    /// A key inside a Secret.
    KeyName, "the key of a Secret", 253, "^[-_A-Za-z0-9][-._A-Za-z0-9]*$",
    |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) && !text.starts_with('.'),
    "use letters, digits, dashes, dots and underscores"
}
crate::text::text_type! {
    /// A client id, as a UUID.
    ClientId, "a client id", 36, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    |text| Guid::parse(text).is_ok(),
    "write a UUID: `00000000-0000-0000-0000-000000000000`"
}
crate::text::text_type! {
    /// The id of a tenant, as a UUID.
    TenantId, "the id of a tenant", 36, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    |text| Guid::parse(text).is_ok(),
    "write the directory's UUID: `00000000-0000-0000-0000-000000000000`; a domain, `common` and `organizations` name none"
}

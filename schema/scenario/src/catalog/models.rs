//! Model catalogs: what each provider serves, where it answers and what its deployments can do.

use kars_contract::host_pattern::HostPattern;
use schemars::JsonSchema;
use serde::Serialize;

use super::Dialect;
use crate::decode::Decode;
use crate::model::{ModelName, Provider};
use crate::scenario::ApiVersion;
use crate::span::Spanned;

/// The kind of a model catalog.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ModelCatalogKind {
    ModelCatalog,
}

/// One provider and its models.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelCatalog {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `ModelCatalog`.
    pub kind: ModelCatalogKind,
    /// The provider.
    pub provider: Spanned<Provider>,
    /// Hosts that belong to it.
    pub hosts: Vec<Spanned<HostPattern>>,
    /// Its address, where it has one for everybody.
    #[serde(default)]
    pub default_endpoint: Option<Spanned<String>>,
    /// Forms of credential that it takes.
    pub auth: Vec<CredentialForm>,
    /// Whether it serves the `foundry.*` tools.
    #[serde(default)]
    pub foundry_tools: bool,
    /// Whether its answers carry a prompt-shield verdict.
    #[serde(default)]
    pub prompt_shields: bool,
    /// Its models.
    pub models: Vec<KnownModel>,
    /// The deployments that `fallback: auto` tries, in this order.
    #[serde(default)]
    pub chain: Vec<ModelName>,
}

impl ModelCatalog {
    /// Adds the models of a catalog that this one is laid over, where it does not describe them itself.
    pub fn keep_models(&mut self, below: Vec<KnownModel>) {
        let named = |model: &KnownModel| self.models.iter().any(|own| own.deployment == model.deployment);
        let kept: Vec<_> = below.into_iter().filter(|model| !named(model)).collect();
        self.models.extend(kept);
    }
}

/// A form of credential.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialForm {
    Secret,
    WorkloadIdentity,
    ManagedIdentity,
}

/// A deployment that is known.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KnownModel {
    /// Its name.
    pub deployment: Spanned<ModelName>,
    /// The dialect it speaks.
    pub dialect: Dialect,
    /// Every API it offers: `[responses]`. Without this line its dialect, and beside `responses` also `chat-completions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<Dialect>,
    /// Tokens of prompt and answer together.
    pub context_length: u32,
    /// Whether it calls tools.
    #[serde(default)]
    pub tools: bool,
}

impl KnownModel {
    /// Whether it can be asked over an API without a translation.
    pub fn offers(&self, api: Dialect) -> bool {
        api.is_offered(self.dialect, self.apis.iter().copied())
    }
}

/// The kind of a list of account-scoped hosts.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AccountScopedKind {
    AccountScopedHosts,
}

/// Hosts where a stranger's own account works as well, so that allowing them allows sending data to anybody.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountScoped {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `AccountScopedHosts`.
    pub kind: AccountScopedKind,
    /// The hosts.
    pub hosts: Vec<AccountScopedHost>,
}

/// A host where a stranger's own account works as well.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountScopedHost {
    /// The host.
    pub host: Spanned<HostPattern>,
    /// What it is: `code hosting`, `object store` …
    pub kind: String,
}

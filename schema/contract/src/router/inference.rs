//! Which models an agent may use, where they are and what they may cost. Not here: how dialects are translated.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::id::RuleId;
use crate::name::{Guid, ModelName, Name, SecretRef};

/// The models of one agent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Inference {
    /// Taken when a request names no model; one of the allowed names.
    pub default: ModelName,
    /// What the agent may ask for. A name that stands nowhere here is refused.
    pub allowed: Vec<AllowedModel>,
    /// How each model of the scenario is reached, by its logical name.
    pub routes: BTreeMap<Name, Route>,
}

/// Names that an agent may send, and what serves them.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllowedModel {
    /// The rule that allows it.
    pub id: RuleId,
    /// The names: usually the logical name and the deployment's.
    pub names: BTreeSet<ModelName>,
    /// Logical names of the routes to try, in order: on 429, 5xx and transport errors the next one.
    pub candidates: Vec<Name>,
}

/// How one model is reached.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Route {
    /// Who serves it.
    pub provider: Provider,
    /// The name the provider knows it by.
    pub deployment: ModelName,
    /// The API it speaks.
    pub dialect: Dialect,
    /// Every API it offers; empty where they are those that its dialect implies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apis: BTreeSet<Dialect>,
    /// The provider's base URL.
    pub endpoint: Endpoint,
    /// What the router shows the provider.
    pub credential: Credential,
    /// How many tokens fit in one request with its answer.
    pub context_length: u64,
    /// What the provider must filter at least.
    pub safety: Safety,
}

impl Route {
    /// Whether it can be asked over an API without a translation.
    #[must_use]
    pub fn offers(&self, api: Dialect) -> bool {
        api.is_offered(self.dialect, self.apis.iter().copied())
    }
}

/// Who serves a model.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Azure OpenAI.
    AzureOpenai,
    /// Azure AI Foundry.
    AzureFoundry,
    /// GitHub Copilot.
    GithubCopilot,
    /// GitHub Models.
    GithubModels,
    /// OpenAI itself.
    Openai,
    /// Anthropic itself.
    Anthropic,
}

impl Provider {
    /// The word in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AzureOpenai => "azure-openai",
            Self::AzureFoundry => "azure-foundry",
            Self::GithubCopilot => "github-copilot",
            Self::GithubModels => "github-models",
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// The API that a model speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI's `/responses`.
    Responses,
    /// OpenAI's `/chat/completions`.
    ChatCompletions,
    /// Anthropic's `/messages`.
    Messages,
}

impl Dialect {
    /// The word in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::ChatCompletions => "chat-completions",
            Self::Messages => "messages",
        }
    }

    /// Whether a model that speaks `spoken` and offers `all` offers this API. Where `all` is empty, whoever speaks `responses`
    /// offers `chat-completions`, too.
    pub fn is_offered(self, spoken: Self, all: impl IntoIterator<Item = Self>) -> bool {
        let mut all = all.into_iter().peekable();
        let implied = all.peek().is_none() && (spoken, self) == (Self::Responses, Self::ChatCompletions);
        spoken == self || implied || all.any(|api| api == self)
    }

    /// Whether requests and answers of one can be told in the other.
    #[must_use]
    pub fn translates_to(self, other: Self) -> bool {
        self == other || (self != Self::Messages && other != Self::Messages)
    }
}

/// What the router shows a service. The secret itself is never in a document.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Credential {
    /// The content of one file below the credentials folder.
    Secret(SecretRef),
    /// A token for this client, exchanged for the pod's service-account token.
    WorkloadIdentity {
        /// The client (application) id.
        client_id: Guid,
        /// The tenant (directory) that the application is registered in.
        tenant_id: Guid,
    },
    /// A token from the node's identity endpoint.
    ManagedIdentity {},
}

/// The highest severity that still passes, for each category, and whether prompts are checked for attacks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Safety {
    /// Whether the provider's check for prompt attacks is required.
    pub prompt_shields: bool,
    /// Hate.
    pub hate: Severity,
    /// Self-harm.
    pub self_harm: Severity,
    /// Sexual content.
    pub sexual: Severity,
    /// Violence.
    pub violence: Severity,
}

/// A content filter's grade, lowest first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing found.
    Safe,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// How many tokens an agent may spend; absent means no such limit. Days and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Budget {
    /// Tokens a day, prompts and answers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Tokens a month, prompts and answers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_month: Option<u64>,
    /// Tokens in one request, its answer included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_request: Option<u64>,
}

//! Models: which deployment answers, where it stands, and which secret opens it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::credential::Credential;
use crate::decode::Decode;
use crate::name::Name;
use crate::span::Spanned;

pub use kars_contract::name::ModelName;
pub use kars_contract::router::{Provider, Severity};

/// A model that agents may use.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Model {
    /// Who serves the model.
    pub provider: Spanned<Provider>,
    /// The deployment's name at the provider: `gpt-5.4`. The catalogs know its dialect and context length.
    pub deployment: Spanned<ModelName>,
    /// Where the provider answers, an https URL: `https://contoso.openai.azure.com`. May be left out where the provider has one
    /// address for everybody. The environment binds its host to the Secret.
    #[serde(default)]
    pub endpoint: Option<Spanned<String>>,
    /// What the router shows the provider: `{ secret: model-credentials, key: API_KEY }`. The agent never sees it.
    pub credential: Spanned<Credential>,
    /// Models tried in order on 429, 5xx and transport errors, or `auto` for the catalog's chain.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// What the provider's content filter must hold back.
    #[serde(default)]
    pub safety: Option<Spanned<Safety>>,
}

/// Models to try next.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Fallback {
    /// The chain of the model catalog.
    Auto(Spanned<Auto>),
    /// These models, in this order.
    Models(Vec<Spanned<Name>>),
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Auto {
    Auto,
}

impl Decode for Fallback {
    fn decode(node: &crate::node::Node, found: &mut crate::diagnostic::Found) -> Option<Self> {
        match &node.value {
            crate::node::Value::Scalar { .. } => Spanned::decode(node, found).map(Self::Auto),
            crate::node::Value::List(_) | crate::node::Value::Map(_) => Vec::decode(node, found).map(Self::Models),
        }
    }
}

/// What the provider's content filter must hold back. What is not written is `medium`.
#[derive(Clone, Copy, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Safety {
    /// Whether answers must carry the provider's prompt-shield verdict. Only providers that send one can serve it.
    #[serde(default)]
    pub prompt_shields: bool,
    /// The highest grade of hate that passes.
    #[serde(default)]
    #[schemars(extend("default" = "medium"))]
    pub hate: Option<Severity>,
    /// The highest grade of self-harm that passes.
    #[serde(default)]
    #[schemars(extend("default" = "medium"))]
    pub self_harm: Option<Severity>,
    /// The highest grade of sexual content that passes.
    #[serde(default)]
    #[schemars(extend("default" = "medium"))]
    pub sexual: Option<Severity>,
    /// The highest grade of violence that passes.
    #[serde(default)]
    #[schemars(extend("default" = "medium"))]
    pub violence: Option<Severity>,
}

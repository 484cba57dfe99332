//! What becomes of one request to a model, counted once, when it is over. Whoever drops it early has been left by the client.
//!
//! Not here: what the request says.

use std::sync::Arc;

use kars_contract::router::Provider;
use kars_contract::{ModelName, Name};
use tokio::time::Instant;

use super::api::Api;
use super::usage::Usage;
use crate::metrics::{Asked, Kind, Metrics, ModelMetrics};
use crate::refusal::Refusal;
use crate::trace::Span;

/// A request that is not over.
#[derive(Debug)]
pub struct Observed {
    metrics: Arc<Metrics>,
    began: Instant,
    /// Who answers.
    model: Option<Arc<ModelMetrics>>,
    outcome: Asked,
    is_streaming: bool,
    span: Span,
}

impl Observed {
    /// A request that begins now.
    #[must_use]
    pub fn begin(metrics: Arc<Metrics>, api: Api, mut span: Span) -> Self {
        span.set("gen_ai.operation.name", operation(api));
        let (began, outcome) = (Instant::now(), Asked::Abandoned);
        Self { metrics, began, model: None, outcome, is_streaming: false, span }
    }

    /// It asks for this model, which the document names, and for its answer in pieces or whole.
    pub fn asks_for(&mut self, api: Api, model: &ModelName, stream: bool) {
        self.span.describe(|span| {
            span.rename(format!("{} {model}", operation(api)));
            span.set("gen_ai.request.model", model.to_string());
            span.set("gen_ai.request.stream", stream);
        });
    }

    /// The span that attempts are part of.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// This candidate answers.
    pub fn answered_by(&mut self, name: &Name, provider: Provider, metrics: Arc<ModelMetrics>) {
        self.model = Some(metrics);
        self.span.describe(|span| {
            span.set("gen_ai.provider.name", provider_name(provider));
            span.set("kars.model", name.to_string());
        });
    }

    /// A piece of a stream has come.
    pub fn streamed(&mut self) {
        if !std::mem::replace(&mut self.is_streaming, true) {
            let after = self.began.elapsed();
            if let Some(model) = &self.model {
                model.first_token(after);
            }
            self.span.set("gen_ai.response.time_to_first_chunk", after.as_secs_f64());
        }
    }

    /// The provider says what it cost.
    pub fn used(&mut self, usage: Usage) {
        self.span.count("gen_ai.usage.input_tokens", usage.input);
        self.span.count("gen_ai.usage.output_tokens", usage.output);
        if let Some(model) = &self.model {
            model.used(usage.input, usage.output);
        }
    }

    /// Whether the router's own secret stood in the answer.
    pub fn redacted(&mut self, found: bool) {
        self.metrics.redactions.inc_by(u64::from(found));
    }

    /// The answer is complete.
    pub fn ended(mut self, outcome: Asked) {
        self.outcome = outcome;
        if outcome != Asked::Answered {
            self.span.failed(outcome.as_str());
        }
    }

    /// The client is told a refusal instead of an answer, or of the rest of one.
    pub fn refused(mut self, refusal: &Refusal) {
        self.metrics.refused(Kind::Inference, refusal.code());
        self.span.failed(refusal.code().as_str());
        self.outcome = if refusal.status().is_server_error() { Asked::Failed } else { Asked::Refused };
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if self.outcome == Asked::Abandoned {
            self.span.failed(Asked::Abandoned.as_str());
        }
        self.metrics.inferred(self.model.as_deref(), self.outcome, self.began.elapsed());
    }
}

/// The word of the conventions for what is asked.
fn operation(api: Api) -> &'static str {
    match api {
        Api::ChatCompletions | Api::Responses | Api::Messages => "chat",
        Api::Completions => "text_completion",
        Api::Embeddings => "embeddings",
        Api::Images => "generate_content",
    }
}

/// The word of the conventions for who is asked; they have none for GitHub's.
fn provider_name(provider: Provider) -> &'static str {
    match provider {
        Provider::AzureOpenai => "azure.ai.openai",
        Provider::AzureFoundry => "azure.ai.inference",
        Provider::GithubCopilot => "github.copilot",
        Provider::GithubModels => "github.models",
        Provider::Openai => "openai",
        Provider::Anthropic => "anthropic",
    }
}

//! What becomes of one request to a model, counted once, when it is over. Whoever drops it early has been left by the client.
//!
//! Not here: what the request says.

use std::sync::Arc;

use kars_contract::Name;
use kars_contract::router::Provider;
use tokio::time::Instant;

use super::usage::Usage;
use crate::metrics::{Asked, Kind, Metrics, Side};
use crate::refusal::Refusal;

/// A request that is not over.
#[derive(Debug)]
pub struct Observed {
    metrics: Arc<Metrics>,
    began: Instant,
    /// Who answers, as the document names it.
    route: Option<(Name, Provider)>,
    outcome: Asked,
    is_streaming: bool,
}

impl Observed {
    /// A request that begins now.
    #[must_use]
    pub fn begin(metrics: Arc<Metrics>) -> Self {
        Self { metrics, began: Instant::now(), route: None, outcome: Asked::Abandoned, is_streaming: false }
    }

    /// This candidate answers.
    pub fn answered_by(&mut self, name: &Name, provider: Provider) {
        self.route = Some((name.clone(), provider));
    }

    /// A piece of a stream has come.
    pub fn streamed(&mut self) {
        if !std::mem::replace(&mut self.is_streaming, true) {
            self.metrics.first_token(self.route(), self.began.elapsed());
        }
    }

    /// The provider says what it cost.
    pub fn used(&mut self, usage: Usage) {
        self.metrics.used(self.route(), Side::Input, usage.input);
        self.metrics.used(self.route(), Side::Output, usage.output);
    }

    /// Whether the router's own secret stood in the answer.
    pub fn redacted(&mut self, found: bool) {
        self.metrics.redactions.inc_by(u64::from(found));
    }

    /// The answer is complete.
    pub fn ended(mut self, outcome: Asked) {
        self.outcome = outcome;
    }

    /// The client is told a refusal instead of an answer, or of the rest of one.
    pub fn refused(mut self, refusal: &Refusal) {
        self.metrics.refused(Kind::Inference, refusal.code());
        self.outcome = if refusal.status().is_server_error() { Asked::Failed } else { Asked::Refused };
    }

    fn route(&self) -> Option<(&Name, Provider)> {
        self.route.as_ref().map(|(name, provider)| (name, *provider))
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.metrics.inferred(self.route(), self.outcome, self.began.elapsed());
    }
}

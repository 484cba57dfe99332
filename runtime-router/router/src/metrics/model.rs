//! The metrics of one model, found once and then counted without looking for them. Not here: what is counted.

use std::time::Duration;

use kars_contract::Name;
use kars_contract::router::Provider;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::{Asked, Attempt, Attempted, Counted, Inferred, OfModel, Side};
use super::{Metrics, of_model};

/// What is counted of one model, as the document names it.
#[derive(Debug)]
pub struct ModelMetrics {
    labels: OfModel,
    answered: Counter,
    turns: Counter,
    input: Counter,
    output: Counter,
    first: Histogram,
    whole: Histogram,
}

impl Metrics {
    /// The metrics of a model.
    #[must_use]
    pub fn model(&self, name: &Name, provider: Provider) -> ModelMetrics {
        let labels = of_model(Some((name, provider)));
        let OfModel { provider, model } = labels.clone();
        let tokens = |direction| {
            let labels = Counted { provider: provider.clone(), model: model.clone(), direction };
            self.tokens.get_or_create(&labels).clone()
        };
        ModelMetrics {
            answered: self.inferences.get_or_create(&inferred(&labels, Asked::Answered)).clone(),
            turns: self.attempts.get_or_create(&attempted(&labels, Attempt::Answered)).clone(),
            input: tokens(Side::Input),
            output: tokens(Side::Output),
            first: self.first_token_seconds.get_or_create(&labels).clone(),
            whole: self.inference_seconds.get_or_create(&labels).clone(),
            labels,
        }
    }

    /// Counts a request to a model that is over, by who answered.
    pub fn inferred(&self, model: Option<&ModelMetrics>, outcome: Asked, took: Duration) {
        let (took, nobody) = (took.as_secs_f64(), of_model(None));
        match model {
            Some(model) => model.whole.observe(took),
            None => self.inference_seconds.get_or_create(&nobody).observe(took),
        }
        if let Some(model) = model.filter(|_| outcome == Asked::Answered) {
            model.answered.inc();
            return;
        }
        let labels = model.map_or(&nobody, |model| &model.labels);
        self.inferences.get_or_create(&inferred(labels, outcome)).inc();
    }

    /// Counts a candidate's turn.
    pub fn attempted(&self, model: &ModelMetrics, outcome: Attempt) {
        match outcome {
            Attempt::Answered => model.turns.inc(),
            outcome => self.attempts.get_or_create(&attempted(&model.labels, outcome)).inc(),
        };
    }
}

impl ModelMetrics {
    /// Observes when the first byte of a stream came.
    pub fn first_token(&self, after: Duration) {
        self.first.observe(after.as_secs_f64());
    }

    /// Counts tokens of a prompt and of its answer, as the provider says them.
    pub fn used(&self, input: u64, output: u64) {
        self.input.inc_by(input);
        self.output.inc_by(output);
    }
}

fn inferred(OfModel { provider, model }: &OfModel, outcome: Asked) -> Inferred {
    Inferred { provider: provider.clone(), model: model.clone(), outcome }
}

fn attempted(OfModel { provider, model }: &OfModel, outcome: Attempt) -> Attempted {
    Attempted { provider: provider.clone(), model: model.clone(), outcome }
}

//! What is true at the moment of a scrape: how full budgets are and which candidates are left alone. Not here: what is counted
//! as it happens.

use std::sync::Arc;

use kars_kit::clock::now;

use crate::gate::Gate;
use crate::inference::breaker::Breaker;
use crate::inference::budget::Ledger;
use crate::metrics::Period;

/// Who knows it.
#[derive(Debug)]
pub struct Measures {
    gate: Gate,
    ledger: Ledger,
    breaker: Arc<Breaker>,
}

impl Measures {
    /// Asks these.
    #[must_use]
    pub fn new(gate: Gate, ledger: Ledger, breaker: Arc<Breaker>) -> Self {
        Self { gate, ledger, breaker }
    }

    /// Sets the gauges.
    pub fn take(&self) {
        let metrics = self.gate.metrics();
        let spent = self.ledger.spent_by(now());
        let generation = self.gate.current().in_force(now()).ok();
        let budget = generation.as_ref().map(|generation| generation.document().budget).unwrap_or_default();
        metrics.budget(Period::Day, spent.day, budget.tokens_per_day);
        metrics.budget(Period::Month, spent.month, budget.tokens_per_month);
        metrics.reserved(spent.reserved);
        let inference = generation.as_ref().and_then(|generation| generation.document().inference.as_ref());
        let candidates = inference.into_iter().flat_map(|inference| inference.routes.keys());
        metrics.breakers(candidates.map(|name| (name, self.breaker.is_open(name))));
    }
}

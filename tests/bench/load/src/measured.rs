//! Numbers of a run. Not here: what they are of.

use serde_json::{Value, json};

/// Times, in nanoseconds.
#[derive(Default)]
pub(crate) struct Times(Vec<u64>);

impl Times {
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Percentiles in microseconds.
    pub(crate) fn json(mut self) -> Value {
        self.0.sort_unstable();
        let at = |part: usize| {
            let place = (self.0.len() * part / 1000).min(self.0.len().saturating_sub(1));
            self.0.get(place).map(|time| *time as f64 / 1000.0)
        };
        json!({"p50": at(500), "p90": at(900), "p99": at(990), "count": self.0.len()})
    }
}

/// Nanoseconds of the clock that all processes share.
pub(crate) fn clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

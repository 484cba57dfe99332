//! What is counted or timed as long as it lasts. Not here: what that is.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

/// Something that is counted as long as it is there.
#[derive(Debug)]
pub struct Open(Gauge);

impl Open {
    /// Counts one more in a gauge, until it is dropped.
    #[must_use]
    pub fn count(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Something whose time is measured when it ends.
#[derive(Debug)]
pub struct Lasting {
    histogram: Histogram,
    began: Instant,
}

impl Lasting {
    pub(super) fn begin(histogram: Histogram) -> Self {
        Self { histogram, began: Instant::now() }
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        self.histogram.observe(self.began.elapsed().as_secs_f64());
    }
}

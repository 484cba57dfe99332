//! What every metric is: its name, type, unit, labels and meaning. Whatever is registered is described, so that dashboards, alerts
//! and the reference are made from the same list that is scraped. Not here: the metrics.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::{Atomic as CounterAtomic, Counter};
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

/// What stands before every name.
pub const PREFIX: &str = "kars_router";

/// The type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Type {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
    /// Always 1; its labels say something.
    Info,
}

/// The values that a label can have. None comes from an agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Values {
    /// These and no others.
    These(&'static [&'static str]),
    /// Words of a list that stands elsewhere, as this sentence says.
    Of(&'static str),
}

/// A label.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub values: Values,
}

/// A metric as it is scraped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name with prefix and unit; samples of a counter bear `_total` behind it, those of an info `_info`.
    pub name: String,
    /// The type.
    pub kind: Type,
    /// The unit of its value, as in its name; absent for a count.
    pub unit: Option<&'static str>,
    /// The labels.
    pub labels: &'static [Label],
    /// What it means.
    pub help: &'static str,
}

impl Entry {
    /// The name that a query asks for; a histogram is asked for its buckets.
    #[must_use]
    pub fn sample(&self) -> String {
        let ending = match self.kind {
            Type::Counter => "_total",
            Type::Gauge => "",
            Type::Histogram => "_bucket",
            Type::Info => "_info",
        };
        format!("{}{ending}", self.name)
    }
}

impl Type {
    /// The word of the exposition format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// A metric that says what it is.
pub(super) trait Described: Metric {
    const KIND: Type;
    const LABELS: &'static [Label] = &[];
}

/// Labels that say what they are.
pub(super) trait Labelled {
    const LABELS: &'static [Label];
}

/// The value of a label, which says what it can be.
pub(super) trait LabelValue {
    const VALUES: Values;
}

impl<N: std::fmt::Debug + Send + Sync + 'static, A: CounterAtomic<N> + std::fmt::Debug + Send + Sync + 'static>
    Described for Counter<N, A>
where
    Self: Metric,
{
    const KIND: Type = Type::Counter;
}

impl Described for Gauge {
    const KIND: Type = Type::Gauge;
}

impl Described for Gauge<f64, AtomicU64> {
    const KIND: Type = Type::Gauge;
}

impl Described for Histogram {
    const KIND: Type = Type::Histogram;
}

impl<L, M, C> Described for Family<L, M, C>
where
    Self: Metric,
    L: Labelled + Clone + Eq + std::hash::Hash,
    M: Described,
    C: MetricConstructor<M>,
{
    const KIND: Type = M::KIND;
    const LABELS: &'static [Label] = L::LABELS;
}

impl<S> Described for Info<S>
where
    Self: Metric,
{
    const KIND: Type = Type::Info;
    const LABELS: &'static [Label] = &[Label { name: "version", values: Values::Of("the version of the program") }];
}

/// Registers metrics and remembers what they are.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) registry: Registry,
    pub(super) entries: Vec<Entry>,
}

impl Catalog {
    pub(super) fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), entries: Vec::new() }
    }

    /// A metric that counts things.
    pub(super) fn count<M: Described>(&mut self, name: &'static str, help: &'static str, metric: M) {
        self.registry.register(name, help, metric);
        self.entry::<M>(format!("{PREFIX}_{name}"), None, help);
    }

    /// A metric of a unit, which its name ends with.
    pub(super) fn measure<M: Described>(&mut self, name: &'static str, unit: Unit, help: &'static str, metric: M) {
        let word = match unit {
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            _ => unreachable!("base units of what a router does are seconds and bytes"),
        };
        self.registry.register_with_unit(name, help, unit, metric);
        self.entry::<M>(format!("{PREFIX}_{name}_{word}"), Some(word), help);
    }

    fn entry<M: Described>(&mut self, name: String, unit: Option<&'static str>, help: &'static str) {
        self.entries.push(Entry { name, kind: M::KIND, unit, labels: M::LABELS, help });
    }
}

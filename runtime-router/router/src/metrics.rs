//! Every metric of the router. Labels have few values: never a host, a path or anything else that an agent chooses.
//!
//! Not here: when something is counted.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Declares an enumeration whose values are labels.
macro_rules! labels {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant,)+ }

        impl $name {
            /// The word in logs, metrics and the audit log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
                self.as_str().encode(encoder)
            }
        }
    };
}

labels! {
    /// The way by which a request came.
    Kind {
        /// A tunnel that a client asks the proxy for.
        Connect = "connect",
        /// A plain request that a client sends to the proxy.
        Http = "http",
        /// A TLS connection that was redirected to the proxy.
        TransparentTls = "transparent-tls",
        /// A plain connection that was redirected to the proxy.
        TransparentHttp = "transparent-http",
        /// A name that the agent asks for.
        Dns = "dns",
        /// The fetch API.
        Fetch = "fetch",
        /// The runtime asks whether a tool may be called.
        Evaluate = "evaluate",
        /// A request to a model.
        Inference = "inference",
        /// A call of an MCP server's tool.
        Mcp = "mcp",
        /// A request of the agent API that no rule decides.
        Api = "api",
    }
}

/// Labels of a decision.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Decided {
    kind: Kind,
    outcome: String,
}

/// Labels of a document that was read.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: String,
}

/// Every metric, and the registry that they are scraped from.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Decided, Counter>,
    loads: Family<Outcome, Counter>,
    /// Whether a document is in force.
    pub policy_ready: Gauge,
    /// Whether what lies there is refused, or what is served has run out of time.
    pub policy_stale: Gauge,
    /// The serial of what is served.
    pub policy_serial: Gauge,
    /// Which document of this process is served.
    pub policy_generation: Gauge,
    /// Open connections to the agent's listeners.
    pub audit_lines: Counter,
    /// Lines that could not be written.
    pub audit_failures: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("kars_router");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The program that runs", Info::new(version));
        let metrics = Self {
            decisions: Family::default(),
            loads: Family::default(),
            policy_ready: Gauge::default(),
            policy_stale: Gauge::default(),
            policy_serial: Gauge::default(),
            policy_generation: Gauge::default(),
            audit_lines: Counter::default(),
            audit_failures: Counter::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// What is scraped.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a decision.
    pub fn decided(&self, kind: Kind, outcome: &str) {
        self.decisions.get_or_create(&Decided { kind, outcome: outcome.to_owned() }).inc();
    }

    /// Counts a document that was read.
    pub fn loaded(&self, outcome: &str) {
        self.loads.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("decisions", "Requests decided, by the way they came and by outcome", self.decisions.clone());
        registry.register("policy_loads", "Documents read, by outcome", self.loads.clone());
        registry.register("policy_ready", "1 while a document is in force", self.policy_ready.clone());
        let stale = "1 while what lies there is refused, or what is served should have been renewed";
        registry.register("policy_stale", stale, self.policy_stale.clone());
        registry.register("policy_serial", "Serial of the document that is served", self.policy_serial.clone());
        registry.register("policy_generation", "Documents served since the start", self.policy_generation.clone());
        registry.register("audit_lines", "Lines written to the audit log", self.audit_lines.clone());
        registry.register("audit_failures", "Lines that the audit log did not take", self.audit_failures.clone());
    }
}

//! Every metric of the router. Labels have few values: never a host, a path or anything else that an agent chooses.
//!
//! Not here: when something is counted.

use std::sync::atomic::AtomicU64;

use kars_contract::router::TokenIssuer;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Upper ends of the buckets of times, in seconds.
const SECONDS: [f64; 9] = [0.000_5, 0.002, 0.01, 0.05, 0.2, 0.5, 1.0, 5.0, 10.0];

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

labels! {
    /// Which way bytes went.
    Direction {
        /// From the agent to the host.
        Up = "up",
        /// From the host to the agent.
        Down = "down",
    }
}

labels! {
    /// A ceiling that was reached.
    Ceiling {
        /// Open connections.
        Connections = "connections",
        /// The time or size of a request's head.
        Head = "head",
        /// Time without a byte.
        Idle = "idle",
        /// Bytes or time of the fetch API.
        Fetch = "fetch",
        /// Questions to the DNS responder at once.
        Questions = "questions",
    }
}

/// Labels of bytes.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Moved {
    direction: Direction,
}

/// Labels of a ceiling that was reached.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Reached {
    limit: Ceiling,
}

/// Labels of a document that was read.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    outcome: String,
}

/// Labels of an exchange for a token.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Exchanged {
    issuer: String,
    outcome: &'static str,
}

/// Every metric, and the registry that they are scraped from.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<Decided, Counter>,
    loads: Family<Outcome, Counter>,
    limits: Family<Reached, Counter>,
    bytes: Family<Moved, Counter>,
    exchanges: Family<Exchanged, Counter>,
    /// Connections of the agent that the proxy serves.
    pub proxy_connections: Gauge,
    /// Tunnels that are open.
    pub tunnels: Gauge,
    /// How long it took to open a connection, or to fail.
    pub connect_seconds: Histogram,
    /// How long it took to know a name's addresses, or to fail.
    pub dns_seconds: Histogram,
    /// Whether a document is in force.
    pub policy_ready: Gauge,
    /// Whether what lies there is refused, or what is served has run out of time.
    pub policy_stale: Gauge,
    /// The serial of what is served.
    pub policy_serial: Gauge,
    /// Which document of this process is served.
    pub policy_generation: Gauge,
    /// Lines that were written.
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
            limits: Family::default(),
            bytes: Family::default(),
            exchanges: Family::default(),
            proxy_connections: Gauge::default(),
            tunnels: Gauge::default(),
            connect_seconds: Histogram::new(SECONDS),
            dns_seconds: Histogram::new(SECONDS),
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

    /// Counts a ceiling that was reached.
    pub fn reached(&self, limit: Ceiling) {
        self.limits.get_or_create(&Reached { limit }).inc();
    }

    /// Counts an exchange for a token.
    pub fn exchanged(&self, issuer: TokenIssuer, outcome: &'static str) {
        self.exchanges.get_or_create(&Exchanged { issuer: issuer.name().to_string(), outcome }).inc();
    }

    /// Counts bytes that passed.
    pub fn moved(&self, direction: Direction, bytes: u64) {
        if bytes > 0 {
            self.bytes.get_or_create(&Moved { direction }).inc_by(bytes);
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("decisions", "Requests decided, by the way they came and by outcome", self.decisions.clone());
        registry.register("policy_loads", "Documents read, by outcome", self.loads.clone());
        registry.register("limits_reached", "Ceilings that were reached, by which", self.limits.clone());
        registry.register("egress_bytes", "Bytes that passed, by direction", self.bytes.clone());
        let exchanges = "Exchanges of a credential for a token, by issuer and outcome";
        registry.register("token_exchanges", exchanges, self.exchanges.clone());
        registry.register("proxy_connections", "Connections that the proxy serves", self.proxy_connections.clone());
        registry.register("tunnels", "Tunnels that are open", self.tunnels.clone());
        let connect = "Time until a connection stood or failed";
        registry.register("connect_seconds", connect, self.connect_seconds.clone());
        registry.register("dns_seconds", "Time until a name was resolved or failed", self.dns_seconds.clone());
        registry.register("policy_ready", "1 while a document is in force", self.policy_ready.clone());
        let stale = "1 while what lies there is refused, or what is served should have been renewed";
        registry.register("policy_stale", stale, self.policy_stale.clone());
        registry.register("policy_serial", "Serial of the document that is served", self.policy_serial.clone());
        registry.register("policy_generation", "Documents served since the start", self.policy_generation.clone());
        registry.register("audit_lines", "Lines written to the audit log", self.audit_lines.clone());
        registry.register("audit_failures", "Lines that the audit log did not take", self.audit_failures.clone());
    }
}

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

//! Every metric of the router, registered once with what it means. Not here: when something is counted.

pub mod catalog;
mod labels;
mod lasting;
mod model;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper::StatusCode;
use kars_contract::router::{Provider, TokenIssuer};
use kars_contract::{Instant, Name};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use catalog::{Catalog, Entry};
pub use labels::{Asked, Attempt, Called, Ceiling, Class, Direction, DnsAnswer, Kind, Period, Side, Spans, State};
use labels::{
    Attempted, Budgeted, By, CalledAt, CalledHosted, Candidate, Code, Counted, Decided, Denied, DigestText,
    ExchangeOutcome, Exchanged, HostedTool, Inferred, Issuer, LoadOutcome, Loaded, Model, Moved, OfModel, OfServer,
    Outcome, ProviderName, Reached, Requested, Resolved, RouteName, Served, Server, Traced,
};
pub use lasting::{Lasting, Open};
pub use model::ModelMetrics;

/// Upper ends of the buckets, in seconds, of what is done within the router.
const WITHIN: [f64; 8] = [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.01, 0.1, 1.0];
/// Of names and connections, whose longest times are the document's limits.
const NETWORK: [f64; 10] = [0.000_5, 0.002, 0.01, 0.05, 0.2, 0.5, 1.0, 5.0, 10.0, 30.0];
/// Of models and tools: a reasoning model thinks for minutes, and ten are the most that the router waits.
const ANSWERS: [f64; 13] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Of tunnels, which last as long as something moves.
const TUNNELS: [f64; 9] = [0.1, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 14_400.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric, and the registry that they are scraped from.
#[derive(Debug)]
pub struct Metrics {
    catalog: Catalog,
    decisions: Family<Decided, Counter>,
    refusals: Family<Denied, Counter>,
    /// How long a decision took, with its limits and its line of audit.
    pub decision_seconds: Histogram,
    requests: Family<Requested, Counter>,
    /// Requests to the agent API whose answer is not complete.
    pub requests_in_flight: Gauge,
    loads: Family<Loaded, Counter>,
    limits: Family<Reached, Counter>,
    bytes: Family<Moved, Counter>,
    egress_seconds: Histograms<By>,
    /// Connections of the agent that the proxy serves.
    pub proxy_connections: Gauge,
    /// Tunnels that are open.
    pub tunnels: Gauge,
    /// How long it took to open a connection, or to fail.
    pub connect_seconds: Histogram,
    /// How long it took to know a name's addresses, or to fail.
    pub dns_seconds: Histogram,
    dns_answers: Family<Resolved, Counter>,
    inferences: Family<Inferred, Counter>,
    attempts: Family<Attempted, Counter>,
    tokens: Family<Counted, Counter>,
    first_token_seconds: Histograms<OfModel>,
    inference_seconds: Histograms<OfModel>,
    breakers: Family<Candidate, Gauge>,
    /// Answers that a secret of the router was taken out of.
    pub redactions: Counter,
    budget_limit: Family<Budgeted, Gauge>,
    budget_used: Family<Budgeted, Gauge>,
    budget_remaining: Family<Budgeted, Gauge>,
    budget_reserved: Gauge,
    calls: Family<CalledAt, Counter>,
    hosted_calls: Family<CalledHosted, Counter>,
    exchanges: Family<Exchanged, Counter>,
    call_seconds: Histograms<OfServer>,
    /// Whether a document is in force.
    pub policy_ready: Gauge,
    /// Whether what lies there is refused, or what is served has run out of time.
    pub policy_stale: Gauge,
    /// The serial of what is served.
    pub policy_serial: Gauge,
    /// Which document of this process is served.
    pub policy_generation: Gauge,
    policy_info: Family<Served, Gauge>,
    policy_loaded: Gauge,
    policy_not_after: Gauge,
    /// Lines that were written.
    pub audit_lines: Counter,
    /// Lines that could not be written.
    pub audit_failures: Counter<u64, AtomicU64>,
    spans: Family<Traced, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            catalog: Catalog::new(),
            decisions: Family::default(),
            refusals: Family::default(),
            decision_seconds: Histogram::new(WITHIN),
            requests: Family::default(),
            requests_in_flight: Gauge::default(),
            loads: Family::default(),
            limits: Family::default(),
            bytes: Family::default(),
            egress_seconds: Family::new_with_constructor(|| Histogram::new(TUNNELS)),
            proxy_connections: Gauge::default(),
            tunnels: Gauge::default(),
            connect_seconds: Histogram::new(NETWORK),
            dns_seconds: Histogram::new(NETWORK),
            dns_answers: Family::default(),
            inferences: Family::default(),
            attempts: Family::default(),
            tokens: Family::default(),
            first_token_seconds: Family::new_with_constructor(|| Histogram::new(ANSWERS)),
            inference_seconds: Family::new_with_constructor(|| Histogram::new(ANSWERS)),
            breakers: Family::default(),
            redactions: Counter::default(),
            budget_limit: Family::default(),
            budget_used: Family::default(),
            budget_remaining: Family::default(),
            budget_reserved: Gauge::default(),
            calls: Family::default(),
            hosted_calls: Family::default(),
            exchanges: Family::default(),
            call_seconds: Family::new_with_constructor(|| Histogram::new(ANSWERS)),
            policy_ready: Gauge::default(),
            policy_stale: Gauge::default(),
            policy_serial: Gauge::default(),
            policy_generation: Gauge::default(),
            policy_info: Family::default(),
            policy_loaded: Gauge::default(),
            policy_not_after: Gauge::default(),
            audit_lines: Counter::default(),
            audit_failures: Counter::default(),
            spans: Family::default(),
        };
        metrics.begin_at_zero();
        let mut catalog = Catalog::new();
        metrics.register_requests(&mut catalog);
        metrics.register_egress(&mut catalog);
        metrics.register_inference(&mut catalog);
        metrics.register_health(&mut catalog);
        metrics.catalog = catalog;
        metrics
    }
}

impl Metrics {
    /// What is scraped.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.catalog.registry
    }

    /// What every metric is.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.catalog.entries
    }

    /// Counts a decision.
    pub fn decided(&self, kind: Kind, outcome: &'static str) {
        self.decisions.get_or_create(&Decided { kind, outcome: Outcome(outcome) }).inc();
    }

    /// Counts a refusal that the agent was told, by the way its request came.
    pub fn refused(&self, kind: Kind, code: kars_contract::agent_api::ErrorCode) {
        self.refusals.get_or_create(&Denied { kind, code: Code(code.as_str()) }).inc();
    }

    /// Counts a request to the agent API.
    pub fn requested(&self, route: &'static str, status: StatusCode) {
        self.requests.get_or_create(&Requested { route: RouteName(route), status: Class::of(status) }).inc();
    }

    /// Counts a document that was read.
    pub fn loaded(&self, outcome: &'static str) {
        self.loads.get_or_create(&Loaded { outcome: LoadOutcome(outcome) }).inc();
    }

    /// Says which document is served, since now, and until when its signature counts; a dev document has none.
    pub fn serves(&self, digest: String, now: Instant, not_after: Option<Instant>) {
        self.inform(digest, State::Served);
        self.policy_loaded.set(now.unix_seconds());
        self.policy_not_after.set(not_after.map_or(0, Instant::unix_seconds));
    }

    /// Says that the document which is served is enforced.
    pub fn enforces(&self, digest: String) {
        self.inform(digest, State::Enforced);
    }

    fn inform(&self, digest: String, state: State) {
        self.policy_info.clear();
        self.policy_info.get_or_create(&Served { digest: DigestText(digest), state }).set(1);
    }

    /// Says that no document is served any more.
    pub fn serves_nothing(&self) {
        self.policy_info.clear();
        self.policy_ready.set(0);
    }

    /// Counts a ceiling that was reached.
    pub fn reached(&self, limit: Ceiling) {
        self.limits.get_or_create(&Reached { limit }).inc();
    }

    /// Counts bytes that passed.
    pub fn moved(&self, direction: Direction, bytes: u64) {
        if bytes > 0 {
            self.bytes.get_or_create(&Moved { direction }).inc_by(bytes);
        }
    }

    /// Measures a way out that begins now and lasts until the value is dropped.
    #[must_use]
    pub fn lasting(&self, kind: Kind) -> Lasting {
        let histogram = self.egress_seconds.get_or_create(&By { kind }).clone();
        Lasting::begin(histogram)
    }

    /// Counts an answer about a name.
    pub fn resolved(&self, answer: DnsAnswer) {
        self.dns_answers.get_or_create(&Resolved { answer }).inc();
    }

    /// Says which candidates are left alone, of all that the document names.
    pub fn breakers<'n>(&self, candidates: impl Iterator<Item = (&'n Name, bool)>) {
        self.breakers.clear();
        for (name, open) in candidates {
            self.breakers.get_or_create(&Candidate { model: Model(name.to_string()) }).set(i64::from(open));
        }
    }

    /// Says what was used of a budget; a period without a limit has neither limit nor remainder.
    pub fn budget(&self, period: Period, used: u64, limit: Option<u64>) {
        let of = Budgeted { period };
        let whole = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        self.budget_used.get_or_create(&of).set(whole(used));
        if let Some(limit) = limit {
            self.budget_limit.get_or_create(&of).set(whole(limit));
            self.budget_remaining.get_or_create(&of).set(whole(limit.saturating_sub(used)));
        } else {
            self.budget_limit.remove(&of);
            self.budget_remaining.remove(&of);
        }
    }

    /// Says how many tokens are set aside for requests under way.
    pub fn reserved(&self, tokens: u64) {
        self.budget_reserved.set(i64::try_from(tokens).unwrap_or(i64::MAX));
    }

    /// Counts a call of a tool; `server` is as the document names it.
    pub fn called(&self, server: Option<&Name>, outcome: Called, took: Duration) {
        let server = || Server(server.map(ToString::to_string).unwrap_or_default());
        self.calls.get_or_create(&CalledAt { server: server(), outcome }).inc();
        self.call_seconds.get_or_create(&OfServer { server: server() }).observe(took.as_secs_f64());
    }

    /// Counts a call of a tool that a provider hosts.
    pub fn called_hosted(&self, tool: &'static str, outcome: Called) {
        self.hosted_calls.get_or_create(&CalledHosted { tool: HostedTool(tool), outcome }).inc();
    }

    /// Counts an exchange for a token.
    pub fn exchanged(&self, issuer: TokenIssuer, outcome: &'static str) {
        let issuer = Issuer(issuer.name().to_string());
        self.exchanges.get_or_create(&Exchanged { issuer, outcome: ExchangeOutcome(outcome) }).inc();
    }

    /// Counts spans of traces.
    pub fn traced(&self, outcome: Spans, spans: usize) {
        self.spans.get_or_create(&Traced { outcome }).inc_by(u64::try_from(spans).unwrap_or(u64::MAX));
    }

    /// A counter that is there before it counts shows its first step; those whose labels are all known begin at 0.
    fn begin_at_zero(&self) {
        for limit in Ceiling::ALL {
            drop(self.limits.get_or_create(&Reached { limit: *limit }));
        }
        for direction in Direction::ALL {
            drop(self.bytes.get_or_create(&Moved { direction: *direction }));
        }
        for answer in DnsAnswer::ALL {
            drop(self.dns_answers.get_or_create(&Resolved { answer: *answer }));
        }
        for outcome in Spans::ALL {
            drop(self.spans.get_or_create(&Traced { outcome: *outcome }));
        }
    }

    fn register_requests(&self, catalog: &mut Catalog) {
        let decisions = "Requests decided, by the way they came and by outcome";
        catalog.count("decisions", decisions, self.decisions.clone());
        let refusals = "Refusals that the agent was told, by the way its request came and by code";
        catalog.count("refusals", refusals, self.refusals.clone());
        let deciding = "Time that a decision took";
        catalog.measure("decision", Unit::Seconds, deciding, self.decision_seconds.clone());
        catalog.count(
            "http_requests",
            "Requests to the agent API, by route and class of status",
            self.requests.clone(),
        );
        let in_flight = "Requests to the agent API whose answer is not complete";
        catalog.count("http_requests_in_flight", in_flight, self.requests_in_flight.clone());
        catalog.count("limits_reached", "Ceilings that were reached, by which", self.limits.clone());
    }

    fn register_egress(&self, catalog: &mut Catalog) {
        catalog.measure("egress", Unit::Bytes, "Bytes that passed, by direction", self.bytes.clone());
        let lasted = "Time that tunnels and forwarded requests lasted, by the way they came";
        catalog.measure("egress_duration", Unit::Seconds, lasted, self.egress_seconds.clone());
        catalog.count("proxy_connections", "Connections that the proxy serves", self.proxy_connections.clone());
        catalog.count("tunnels", "Tunnels that are open", self.tunnels.clone());
        let connect = "Time until a connection stood or failed";
        catalog.measure("connect", Unit::Seconds, connect, self.connect_seconds.clone());
        let dns = "Time until a name was resolved or failed";
        catalog.measure("dns", Unit::Seconds, dns, self.dns_seconds.clone());
        catalog.count("dns_answers", "Answers about names, by what they say", self.dns_answers.clone());
    }

    fn register_inference(&self, catalog: &mut Catalog) {
        catalog.count("inference_requests", "Requests to models, by who answered and outcome", self.inferences.clone());
        let attempts = "Turns of candidates, by outcome; after any but `answered` the next one has its turn";
        catalog.count("inference_attempts", attempts, self.attempts.clone());
        catalog.count("inference_tokens", "Tokens, as providers count them, by direction", self.tokens.clone());
        let first = "Time until the first byte of a streamed answer";
        catalog.measure("inference_time_to_first_token", Unit::Seconds, first, self.first_token_seconds.clone());
        let whole = "Time from a request to a model until its answer was complete";
        catalog.measure("inference_duration", Unit::Seconds, whole, self.inference_seconds.clone());
        let breaker = "1 while a candidate is left alone, as it has failed";
        catalog.count("inference_breaker_open", breaker, self.breakers.clone());
        let redactions = "Answers that a secret of the router was taken out of";
        catalog.count("redactions", redactions, self.redactions.clone());
        catalog.count("budget_limit_tokens", "Tokens that may be used in a period", self.budget_limit.clone());
        catalog.count("budget_used_tokens", "Tokens that were used in a period", self.budget_used.clone());
        catalog.count("budget_remaining_tokens", "Tokens that are left in a period", self.budget_remaining.clone());
        let reserved = "Tokens set aside for requests under way";
        catalog.count("budget_reserved_tokens", reserved, self.budget_reserved.clone());
        catalog.count("mcp_calls", "Calls of MCP servers' tools, by server and outcome", self.calls.clone());
        let call = "Time from a call of a tool until its answer, by server";
        catalog.measure("mcp_call_duration", Unit::Seconds, call, self.call_seconds.clone());
        let hosted = "Calls of tools that the model's provider hosts, by tool and outcome";
        catalog.count("platform_calls", hosted, self.hosted_calls.clone());
        let exchanges = "Exchanges of a credential for a token, by issuer and outcome";
        catalog.count("token_exchanges", exchanges, self.exchanges.clone());
    }

    fn register_health(&self, catalog: &mut Catalog) {
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        catalog.count("build", "The program that runs", Info::new(version));
        catalog.count("policy_ready", "1 while a document is in force and enforced", self.policy_ready.clone());
        let stale = "1 while what lies there is refused, or what is served should have been renewed";
        catalog.count("policy_stale", stale, self.policy_stale.clone());
        catalog.count("policy_serial", "Serial of the document that is served", self.policy_serial.clone());
        catalog.count("policy_generation", "Documents served since the start", self.policy_generation.clone());
        catalog.count(
            "policy_info",
            "1, with the digest of the document that is served; `enforced` once the router has probed itself on it",
            self.policy_info.clone(),
        );
        let loaded = "When the document that is served was read, since 1970";
        catalog.measure("policy_loaded_timestamp", Unit::Seconds, loaded, self.policy_loaded.clone());
        let until = "When the signature of the document ends, since 1970; 0 where it has none";
        catalog.measure("policy_not_after_timestamp", Unit::Seconds, until, self.policy_not_after.clone());
        catalog.count("policy_loads", "Documents read, by outcome", self.loads.clone());
        catalog.count("audit_lines", "Lines written to the audit log", self.audit_lines.clone());
        catalog.count("audit_failures", "Times that the audit log could not be written", self.audit_failures.clone());
        catalog.count("trace_spans", "Spans of traces, by what became of them", self.spans.clone());
    }
}

fn of_model(route: Option<(&Name, Provider)>) -> OfModel {
    let (model, provider) = route.map(|(name, provider)| (name.to_string(), provider.as_str())).unwrap_or_default();
    OfModel { provider: ProviderName(provider), model: Model(model) }
}

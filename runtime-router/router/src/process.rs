//! The life of the router: everything is bound before anything is served, and nothing is cut off that can be finished.
//!
//! Not here: subcommands that only look at something, and which document is served (`watcher`).

mod watcher;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kars_contract::router::Limits;
use kars_kit::files::Files;
use kars_kit::http::{Ceilings, serve};
use kars_kit::serve::{Signals, Tasks};
use kars_kit::watch::Watch;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use crate::api::{Api, Fetcher, Ways};
use crate::audit::{Audit, Event};
use crate::config::Config;
use crate::connect::tls::{NoAuthorities, Tls};
use crate::connect::{Connector, NoResolver, Resolver, Services};
use crate::credentials::Credentials;
use crate::dns::Responder;
use crate::gate::Gate;
use crate::inference::budget::Ledger;
use crate::inference::forward::Forward;
use crate::learned::Learned;
use crate::mcp::gateway::Gateway;
use crate::measures::Measures;
use crate::metrics::Metrics;
use crate::operator::{self, Operator};
use crate::pages::Pages;
use crate::platform::Platform;
use crate::policy::Slot;
use crate::proxy::Proxy;
use crate::tokens::{Exchanger, Keeper, Tokens};
use crate::trace::{Collector, Export, Tracer};
use watcher::Watcher;

/// How long tasks may take to end; a pod has 40 seconds.
pub(crate) const GRACE: Duration = Duration::from_secs(25);
/// How long the last lines of the audit log may take.
const FLUSH: Duration = Duration::from_secs(2);
/// Connections that wait to be accepted; a burst of agents' requests finds room.
const BACKLOG: u32 = 4096;
/// The folder of the audit log, within that of state.
pub const AUDIT_FOLDER: &str = "audit";

/// Why the router does not start.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// A listener has no place.
    #[error("cannot listen on {address} for {what}: {error}")]
    Bind {
        /// What would listen.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The folder of state cannot be used.
    #[error("the folder of state `{path}`: {error}", path = path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// No resolver can be asked.
    #[error("no resolver: {0}; set `KARS_RESOLVER`")]
    Resolver(NoResolver),
    /// No authority can vouch for a host.
    #[error("the certificates of `{path}`: {error}", path = path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: NoAuthorities,
    },
    /// The system does not give what a process needs.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A router that serves.
pub struct Running {
    /// Where the agent API listens.
    pub api: SocketAddr,
    /// Where the egress proxy listens.
    pub proxy: SocketAddr,
    /// Where the DNS responder listens.
    pub dns: SocketAddr,
    /// Where probes and metrics listen.
    pub admin: SocketAddr,
    /// Its tasks.
    pub tasks: Tasks,
    /// Its log of decisions.
    pub audit: Audit,
    /// Its count of tokens.
    pub ledger: Ledger,
    /// The way of its traces.
    pub traces: Export,
}

/// Runs until a signal; a second one ends it at once. Returns whether everything could be finished.
pub async fn run(config: Config) -> Result<bool, CannotStart> {
    let mut signals = Signals::take()?;
    let running = start(&config)?;
    signals.next().await;
    tracing::info!("ending");
    let finished = tokio::select! {
        finished = running.tasks.drain(GRACE) => finished,
        () = signals.next() => false,
    };
    running.traces.end().await;
    let counted = running.ledger.close().inspect_err(|error| tracing::error!(%error, "the count of tokens is lost"));
    let written =
        running.audit.record(Event::Note { kind: "ended", what: String::new() }) && running.audit.flush(FLUSH);
    Ok(finished && written && counted.is_ok())
}

/// Binds everything, then serves, within a runtime of tokio.
pub fn start(config: &Config) -> Result<Running, CannotStart> {
    let state = |error| CannotStart::State { path: config.state.clone(), error };
    let bound = Bound::all(config)?;
    let tls = tls(config)?;
    let resolver = Resolver::new(config.resolver).map_err(CannotStart::Resolver)?;
    let socket = operator::bind(&config.state).map_err(state)?;
    let metrics = Arc::new(Metrics::default());
    let audit = Audit::open(&config.state.join(AUDIT_FOLDER), Arc::clone(&metrics)).map_err(state)?;
    let ledger = Ledger::beside(&audit, &config.state).map_err(state)?;
    let (slot, current) = Slot::new();
    let tasks = Tasks::default();
    let (tracer, spans) = Tracer::new(current.clone(), Arc::clone(&metrics));
    let connector = Connector::new(resolver, Arc::clone(&metrics));
    let collector = Collector { current: current.clone(), connector: connector.clone(), metrics: Arc::clone(&metrics) };
    let learned = Learned::new(&config.state, Arc::clone(&metrics));
    let gate = Gate::new(current.clone(), audit.clone(), Arc::clone(&metrics), learned, tracer);
    let running = Running {
        api: bound.api.local_addr()?,
        proxy: bound.proxy.local_addr()?,
        dns: bound.dns.local_addr()?,
        admin: bound.admin.local_addr()?,
        tasks: tasks.clone(),
        audit: audit.clone(),
        ledger: ledger.clone(),
        traces: Export::start(collector, spans),
    };
    let (limits, files) = (Limits::default(), Files::raise()?);
    let watch = Watch::new(config.files.clone(), config.pod.clone(), config.state.clone());
    let mut watcher =
        Watcher { watch, slot, current, audit, metrics, proxy: running.proxy, told: None, unproven: None };
    watcher.look();
    let own = tasks.clone();
    tasks.spawn(async move { watcher.keep_looking(&own).await });
    let services = Arc::new(Services::new(connector.clone(), tls.clone()));
    let credentials = Credentials::new(config.credentials.clone());
    let (tokens, keeper) = tokens(config, &gate, &services, &credentials, &tasks);
    let forward = Arc::new(Forward::new(gate.clone(), Arc::clone(&services), tokens.clone(), ledger.clone()));
    let measures = Measures::new(gate.clone(), ledger.clone(), forward.breaker());
    let ways = Ways {
        fetcher: Fetcher { connector: connector.clone(), tls, tasks: tasks.clone() },
        platform: Platform::new(gate.clone(), Arc::clone(&forward)),
        forward,
        gateway: Gateway::new(gate.clone(), services, credentials, config.state.clone()),
    };
    let agent = ceilings(limits, limits.agent_connections);
    let connections = size(limits.connections);
    let answers = Api::new(gate.clone(), ways, running.api, agent.connections);
    tasks.spawn(serve(bound.api, ceilings(limits, limits.connections), files, tasks.clone(), answers));
    let responder = Responder::new(gate.clone(), connector.clone(), tasks.clone());
    tasks.spawn(Arc::clone(&responder).serve_tcp(bound.dns));
    tasks.spawn(responder.serve_udp(bound.questions));
    tasks.spawn(Proxy::new(gate.clone(), connector, files, tasks.clone()).serve(bound.proxy, connections));
    keeper.look();
    tasks.spawn(keeper.keep(tasks.clone()));
    let pages = Pages::new(gate.clone(), tokens.clone(), measures, tasks.clone());
    // Whoever probes is answered as long as there is any file.
    tasks.spawn(serve(bound.admin, agent, Files::of(u64::MAX), tasks.clone(), pages));
    let operator = Operator { gate, ledger, tokens, log: config.state.join(AUDIT_FOLDER), tasks: tasks.clone() };
    tasks.spawn(operator::serve(socket, config.state.clone(), operator));
    tracing::info!(api = %running.api, proxy = %running.proxy, dns = %running.dns, admin = %running.admin, "serving");
    Ok(running)
}

/// What providers are shown, and who looks after it.
fn tokens(
    config: &Config,
    gate: &Gate,
    services: &Arc<Services>,
    credentials: &Credentials,
    tasks: &Tasks,
) -> (Tokens, Keeper) {
    let exchanger = Exchanger {
        current: gate.current().clone(),
        services: Arc::clone(services),
        credentials: credentials.clone(),
        identity_token: config.identity_token.clone(),
        metrics: Arc::clone(gate.metrics()),
        tasks: tasks.clone(),
    };
    Tokens::new(exchanger, tasks.clone())
}

/// The sockets of the network.
struct Bound {
    api: TcpListener,
    proxy: TcpListener,
    dns: TcpListener,
    questions: UdpSocket,
    admin: TcpListener,
}

impl Bound {
    fn all(config: &Config) -> Result<Self, CannotStart> {
        let (dns, questions) = bind_dns(config.dns)?;
        Ok(Self {
            api: bind("the agent API", config.api)?,
            proxy: bind("the egress proxy", config.proxy)?,
            dns,
            questions,
            admin: bind("probes and metrics", config.admin)?,
        })
    }
}

/// Listens, with room for a burst.
pub(crate) fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, CannotStart> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| CannotStart::Bind { what, address, error })
}

/// How often a port that is free for both protocols is looked for, where none is named.
const PORTS_TRIED: u32 = 16;

/// One port for both protocols. Where the address names none, the system gives one that is free for TCP, and another program
/// may hold it for UDP: then the next is asked for.
fn bind_dns(address: SocketAddr) -> Result<(TcpListener, UdpSocket), CannotStart> {
    let what = "the DNS responder";
    let mut tries = if address.port() == 0 { PORTS_TRIED } else { 1 };
    loop {
        tries -= 1;
        let listener = bind(what, address)?;
        let address = listener.local_addr()?;
        let questions = std::net::UdpSocket::bind(address).and_then(|socket| {
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket)
        });
        match questions {
            Ok(questions) => return Ok((listener, questions)),
            Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(CannotStart::Bind { what, address, error }),
        }
    }
}

fn tls(config: &Config) -> Result<Tls, CannotStart> {
    let path = config.authorities.clone();
    Tls::new(path.as_deref()).map_err(|error| CannotStart::Authorities { path: path.unwrap_or_default(), error })
}

pub(crate) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(crate) fn ceilings(limits: Limits, connections: u64) -> Ceilings {
    Ceilings {
        header_bytes: size(limits.header_bytes),
        header_count: size(limits.header_count),
        header_time: Duration::from_secs(limits.header_seconds),
        connections: size(connections),
    }
}

//! The admin listener: probes, metrics, and whether the agent's runtime lives. Not here: anything that changes something.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Collected, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::LoopbackUrl;
use kars_contract::settings::{AGENT_LIVEZ, AGENT_READYZ, METRICS, READYZ};
use kars_kit::admin::{Readiness, page};
use kars_kit::clock::now;
use kars_kit::http::{Answer, Body, reply};
use kars_kit::serve::Tasks;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gate::Gate;
use crate::measures::Measures;
use crate::metrics::Ceiling;
use crate::policy::Served;
use crate::refusal::Refusal;
use crate::self_probe;
use crate::tokens::Tokens;

const TEXT: &str = "text/plain; charset=utf-8";
/// Bytes of a page that are read: a thousand decisions, whose longest names have a kilobyte.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;
/// How long the runtime may take to say that it lives.
const PROBE_TIME: Duration = Duration::from_secs(4);
/// How long a page waits for a new document to be proven, so that none that takes its place makes the router unready.
const PROVING: Duration = self_probe::TIME;

/// What answers the kubelet and Prometheus.
#[derive(Debug)]
pub struct Pages {
    gate: Gate,
    tokens: Tokens,
    measures: Measures,
    tasks: Tasks,
}

impl Pages {
    /// Pages about this gate, and what its models are shown; a program that drains is not ready.
    #[must_use]
    pub fn new(gate: Gate, tokens: Tokens, measures: Measures, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { gate, tokens, measures, tasks })
    }

    async fn agent(&self) -> Response<Body> {
        let Ok(generation) = self.gate.current().in_force(now()) else {
            return reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the router serves no document\n");
        };
        let Some(url) = &generation.document().runtime.probe else {
            return reply(StatusCode::OK, TEXT, "the runtime has no page to ask\n");
        };
        match timeout(PROBE_TIME, ask(url)).await {
            Ok(Ok(status)) if status.is_success() => reply(StatusCode::OK, TEXT, "ok\n"),
            Ok(Ok(status)) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("the runtime answers {status}\n")),
            Ok(Err(error)) => {
                reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("the runtime does not answer: {error}\n"))
            }
            Err(_) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the runtime takes too long\n"),
        }
    }
}

impl Answer for Pages {
    async fn answer(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        let path = request.uri().path();
        if [AGENT_LIVEZ, AGENT_READYZ].contains(&path) {
            return self.agent().await;
        }
        if path == METRICS {
            self.measures.take();
        }
        if path == READYZ && timeout(PROVING, self.gate.current().clone().proven()).await.is_err() {
            tracing::debug!("it is not known yet whether the document is enforced");
        }
        let readiness = || readiness(&self.gate, &self.tokens, self.tasks.is_draining());
        page(request.method(), path, readiness, self.gate.metrics().registry())
            .unwrap_or_else(|| reply(StatusCode::NOT_FOUND, TEXT, "no such page\n"))
    }

    fn no_room(&self) {
        self.gate.metrics().reached(Ceiling::AdminConnections);
    }

    fn failed(&self) -> Response<Body> {
        Refusal::new(ErrorCode::RouterFailed, "the router could not finish the request").into_response()
    }
}

/// Whether the router serves, and by which document.
pub(crate) fn readiness(gate: &Gate, tokens: &Tokens, draining: bool) -> Readiness {
    let mut state = Map::new();
    let mut say = |name: &str, value: Value| state.insert(name.to_owned(), value);
    let in_force = gate.current().in_force(now());
    let enforced = in_force.as_ref().is_ok_and(|generation| generation.is_enforced());
    say("enforced", enforced.into());
    if let Served::Document(generation) = gate.current().served() {
        let loaded = &generation.loaded;
        say("digest", loaded.digest.to_string().into());
        say("generation", generation.number.into());
        say("dev", loaded.document().dev.into());
        if let Some(accepted) = loaded.accepted() {
            say("serial", accepted.serial.into());
        }
        if let Some(not_after) = loaded.not_after() {
            say("notAfter", not_after.to_string().into());
        }
    }
    if let Some(stale) = gate.current().stale(now()).filter(|_| in_force.is_ok()) {
        say("stale", stale.into());
    }
    if let Err(refusal) = &in_force {
        say("problem", refusal.detail.message.clone().into());
    }
    if in_force.is_ok() && !enforced {
        say("problem", "the router does not know yet whether it enforces the document; its log says why".into());
    }
    if draining {
        say("problem", "the router is ending".into());
    }
    let health = tokens.health();
    if !health.ready {
        say("problem", "a model has no candidate whose credential is there".into());
    }
    // Said instead of any other: while it is so, nothing at all is allowed.
    let audit = gate.audit().works();
    if !audit {
        say("problem", "the audit log cannot be written".into());
    }
    if !health.problems.is_empty() {
        let problems = health.problems.into_iter().map(|(route, problem)| (route.to_string(), problem.into()));
        say("credentials", Value::Object(problems.collect()));
    }
    let ready = enforced && !draining && audit && health.ready;
    say("ready", ready.into());
    Readiness { ready, state: Value::Object(state) }
}

/// Whether a router serves, as its own page says.
pub async fn probe(address: SocketAddr) -> Result<(bool, String), Failure> {
    let stream = timeout(PROBE_TIME, TcpStream::connect(address)).await??;
    let (status, body) = timeout(PROBE_TIME, get(stream, READYZ)).await??;
    Ok((status.is_success(), String::from_utf8_lossy(&body).into_owned()))
}

async fn ask(url: &LoopbackUrl) -> Result<StatusCode, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", url.port.get())).await?;
    Ok(get(stream, &url.path).await?.0)
}

type Failure = Box<dyn Error + Send + Sync>;

/// Asks for a page. What it says is read up to a bound; a page that says more is as alive as one that says less.
pub(crate) async fn get(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    path: &str,
) -> Result<(StatusCode, Bytes), Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, "127.0.0.1").body(Empty::<Bytes>::new())?;
    let asked = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_PAGE).collect().await;
        Ok((status, body.map(Collected::to_bytes).unwrap_or_default()))
    };
    tokio::select! {
        answer = asked => answer,
        ended = connection => {
            ended?;
            Err("it closed the connection".into())
        }
    }
}

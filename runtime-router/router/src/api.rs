//! The agent API: what an agent may ask over HTTP on loopback, and nothing else. No route here changes what is permitted.
//!
//! Not here: the operator's socket, probes, and the proxy.

mod allowlist;
pub(crate) mod body;
mod evaluate;
mod fetch;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_kit::clock::now;
use kars_kit::http::{Answer, Body, reply};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connect::Services;
use crate::gate::Gate;
use crate::held::held;
use crate::inference::errors;
use crate::inference::forward::{Forward, family_of};
use crate::inference::models;
use crate::mcp::gateway::Gateway;
use crate::metrics::{Ceiling, Kind, Open};
use crate::platform::Platform;
use crate::refusal::Refusal;
pub use fetch::Fetcher;
pub use routes::{ROUTES, Route};

const JSON: &str = "application/json";
/// Milliseconds after which a request that found no room may come again.
const NO_ROOM_WAIT: u64 = 1000;

/// What answers the agent.
#[derive(Debug)]
pub struct Api {
    gate: Gate,
    ways: Ways,
    /// Where it listens: requests must be meant for it.
    address: SocketAddr,
    /// Room for requests that wait for others. Answers that the router gives by itself need none, so nobody can hold them up.
    lasting: Arc<Semaphore>,
}

/// The ways out of the pod that the API has.
#[derive(Debug)]
pub struct Ways {
    /// To hosts.
    pub fetcher: Fetcher,
    /// To models.
    pub forward: Arc<Forward<Services>>,
    /// To MCP servers.
    pub gateway: Gateway<Services>,
    /// To the tools that providers host.
    pub platform: Platform<Services>,
}

impl Api {
    /// Answers requests that are meant for this address, so many at once of those that wait for others.
    #[must_use]
    pub fn new(gate: Gate, ways: Ways, address: SocketAddr, at_once: usize) -> Arc<Self> {
        Arc::new(Self { gate, ways, address, lasting: Arc::new(Semaphore::new(at_once)) })
    }

    async fn route(
        &self,
        found: Result<Route, Refusal>,
        request: Box<Request<Incoming>>,
        room: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Response<Body>, Refusal> {
        meant_for(self.address, request.headers())?;
        let route = found?;
        *room = route.waits().then(|| self.room()).transpose()?;
        self.answered(route, request).await
    }

    fn room(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.lasting).try_acquire_owned().map_err(|_| {
            self.gate.metrics().reached(Ceiling::Waiting);
            let message = "as many requests as the router carries at once wait for others already";
            Refusal::new(ErrorCode::UpstreamUnavailable, message).after(NO_ROOM_WAIT)
        })
    }

    async fn answered(&self, route: Route, request: Box<Request<Incoming>>) -> Result<Response<Body>, Refusal> {
        // Each on the heap by itself: together they would be moved there with every request, for the largest of them.
        match route {
            Route::Evaluate => evaluate::answer(&self.gate, request).await,
            Route::Fetch => Box::pin(fetch::answer(&self.gate, &self.ways.fetcher, request)).await,
            Route::Allowlist => allowlist::answer(&self.gate),
            Route::Inference(api) => Ok(Box::pin(self.ways.forward.answer(api, request)).await),
            Route::Models => {
                let generation = self.gate.current().in_force(now())?;
                Ok(reply(StatusCode::OK, JSON, models::list(generation.document().inference.as_ref())))
            }
            Route::Mcp => Box::pin(self.ways.gateway.answer(request)).await,
            Route::Platform => Box::pin(self.ways.platform.answer(request)).await,
            Route::Ignored => Ok(reply(StatusCode::ACCEPTED, JSON, "{}")),
            Route::Mesh | Route::Spawn => {
                Err(Refusal::new(ErrorCode::MeshUnavailable, "the router has no connection to the mesh"))
            }
        }
    }
}

impl Answer for Api {
    async fn answer(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        let metrics = self.gate.metrics();
        let (open, mut room) = (Open::count(&metrics.requests_in_flight), None);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let found = Route::find(&method, uri.path());
        let route = found.as_ref().ok().copied();
        let answered = self.route(found, request, &mut room).await.unwrap_or_else(|refusal| {
            metrics.refused(route.map_or(Kind::Api, Route::kind), refusal.code());
            let wrong_method = refusal.code() == ErrorCode::RouteMethod;
            if matches!(refusal.code(), ErrorCode::RouteUnknown | ErrorCode::RequestForeign) {
                metrics.decided(Kind::Api, refusal.code().as_str());
                let what: String = uri.path().chars().take(256).collect();
                tracing::debug!(%method, what, code = refusal.code().as_str(), "refused");
            }
            let mut response = match family_of(uri.path()) {
                Some(family) => errors::response(family, refusal),
                None => refusal.into_response(),
            };
            if wrong_method {
                response.headers_mut().insert(ALLOW, allowed(uri.path()));
            }
            response
        });
        metrics.requested(route.map_or("unknown", Route::as_str), answered.status());
        answered.map(|body| held(body, (open, room)))
    }

    fn no_room(&self) {
        self.gate.metrics().reached(Ceiling::AgentConnections);
    }

    fn failed(&self) -> Response<Body> {
        tracing::error!("a request ended in a panic");
        Refusal::new(ErrorCode::RouterFailed, "the router could not finish the request").into_response()
    }
}

/// A page in a browser, or a name that somebody else resolves to loopback, can reach a listener that only checks addresses.
fn meant_for(address: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let foreign = |message: &str| Err(Refusal::new(ErrorCode::RequestForeign, message));
    if headers.contains_key(ORIGIN) {
        return foreign("a request with an `origin` header comes from a page");
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return foreign("a request names one host");
    };
    let host = host.to_str().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let ours = ["127.0.0.1", "localhost", "[::1]"];
    if ours.contains(&name) || name == address.ip().to_string() {
        return Ok(());
    }
    foreign("the `host` header names another host than the router")
}

/// The methods that a path takes.
fn allowed(path: &str) -> HeaderValue {
    let methods: Vec<&str> =
        ROUTES.iter().filter(|(_, route, _)| *route == path).map(|(method, _, _)| method.as_str()).collect();
    // The path of one child stands in no table.
    let text = if methods.is_empty() { "GET, DELETE".to_owned() } else { methods.join(", ") };
    HeaderValue::from_str(&text).expect("names of methods are plain")
}

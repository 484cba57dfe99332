//! One request, sent to one candidate after the other until one answers. Not here: whether it may be sent, and what passes back.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use kars_contract::Name;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Route;
use opentelemetry::trace::SpanContext;
use tokio::time::Instant;

use super::addressed::Addressed;
use super::api::Api;
use super::breaker::Breaker;
use super::edit::Edits;
use super::headers;
use super::provider::ways;
use super::question::Question;
use super::retries::Retries;
use super::upstream::{Coming, Upstream, retry_after};
use crate::credentials::Secret;
use crate::dial::Dial;
use crate::gate::Gate;
use crate::jitter::Jitter;
use crate::metrics::Attempt;
use crate::policy::Generation;
use crate::refusal::Refusal;
use crate::tokens::{Proof, Tokens};
use crate::trace::{Span, TRACEPARENT};

/// How long a provider may take to begin its answer: one that is not streamed comes when all of it is there.
pub(super) const FIRST_BYTE: Duration = Duration::from_mins(10);
/// After this time no further candidate is tried.
const FAILOVER: Duration = Duration::from_mins(2);
/// After which time, or up to twice as long, a client is told to come again that no model could be asked for.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// Asks candidates.
#[derive(Debug)]
pub struct Attempts<D> {
    gate: Gate,
    upstream: Upstream<D>,
    tokens: Tokens,
    breaker: Arc<Breaker>,
    retries: Retries,
}

/// A request that may be sent, to any of its candidates.
pub(super) struct Plan<'a> {
    /// What the client asks.
    pub(super) asked: Asked<'a>,
    /// The same in the other API, where some candidate offers only that.
    pub(super) told: Option<Asked<'a>>,
    /// The client's own, of which few pass.
    pub(super) headers: HeaderMap,
    pub(super) candidates: Vec<Candidate<'a>>,
    /// What the spans of attempts are part of.
    pub(super) context: SpanContext,
}

/// Who may answer, over which API.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a Name,
    pub(super) route: &'a Route,
    pub(super) addressed: &'a Addressed,
    pub(super) api: Api,
}

/// A body, and the API that it is written for.
pub(super) struct Asked<'a> {
    pub(super) api: Api,
    pub(super) body: &'a str,
    pub(super) question: Box<Question<'a>>,
    /// The list of tools that is sent instead of the body's.
    pub(super) tools: Option<Arc<str>>,
}

/// A candidate that answers.
pub(super) struct Got<'a> {
    pub(super) answered: Box<Response<Coming>>,
    pub(super) candidate: Candidate<'a>,
    /// What it was shown.
    pub(super) proof: Proof,
}

/// Why a candidate did not answer.
enum Failed {
    /// Another may.
    Next(Refusal),
    /// The request itself cannot be sent.
    Last(Refusal),
}

impl Failed {
    fn refusal(&self) -> &Refusal {
        let (Self::Next(refusal) | Self::Last(refusal)) = self;
        refusal
    }
}

impl<'a> Asked<'a> {
    /// Reads a body.
    pub(super) fn read(api: Api, body: &'a str) -> Result<Self, Refusal> {
        Ok(Self { api, body, question: Question::read(body)?, tools: None })
    }

    /// How long the body is with the tools that are sent.
    pub(super) fn bytes(&self) -> usize {
        let taken = self.tools.as_ref().zip(self.question.tools);
        self.body.len() - taken.map_or(0, |(kept, all)| all.get().len().saturating_sub(kept.len()))
    }

    /// The body with the tools that are sent.
    pub(super) fn text(&self) -> Cow<'a, str> {
        if self.tools.is_none() { Cow::Borrowed(self.body) } else { Cow::Owned(self.edits().apply()) }
    }

    /// The changes of the body, of its tools so far.
    fn edits(&self) -> Edits<'_> {
        let mut edits = Edits::of(self.body);
        if let Some(tools) = &self.tools {
            edits.set("tools", self.question.tools, &**tools);
        }
        edits
    }
}

impl<D: Dial> Attempts<D> {
    pub(super) fn new(gate: Gate, upstream: Upstream<D>, tokens: Tokens) -> Self {
        Self { gate, upstream, tokens, breaker: Arc::default(), retries: Retries::default() }
    }

    /// How every candidate has fared.
    pub(super) fn breaker(&self) -> Arc<Breaker> {
        Arc::clone(&self.breaker)
    }

    /// The connections.
    pub(crate) fn upstream(&self) -> &Upstream<D> {
        &self.upstream
    }

    /// The first candidate that answers. A refusal of the provider's own, other than for its load, is an answer.
    pub(super) async fn first_of<'p>(&self, plan: &Plan<'p>, generation: &Generation) -> Result<Got<'p>, Refusal> {
        let began = Instant::now();
        let mut last = None;
        self.retries.earn(began);
        for candidate in &plan.candidates {
            let name = candidate.name;
            if last.is_some() && began.elapsed() > FAILOVER {
                break;
            }
            if !self.breaker.may_try(name) {
                let metrics = self.gate.metrics();
                metrics.attempted(&candidate.addressed.metrics(name, metrics), Attempt::LeftAlone);
                continue;
            }
            match self.try_one(plan, generation, *candidate).await {
                Ok((answered, proof)) => return Ok(Got { answered, candidate: *candidate, proof }),
                Err(Failed::Last(refusal)) => return Err(refusal),
                Err(Failed::Next(refusal)) => last = Some(refusal),
            }
        }
        Err(last.unwrap_or_else(|| {
            let wait = Jitter::draw().between(COME_AGAIN, COME_AGAIN * 2);
            Refusal::new(ErrorCode::UpstreamUnavailable, "every model that may answer has failed before")
                .after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        }))
    }

    async fn try_one(
        &self,
        plan: &Plan<'_>,
        generation: &Generation,
        candidate: Candidate<'_>,
    ) -> Result<(Box<Response<Coming>>, Proof), Failed> {
        let Candidate { name, addressed, .. } = candidate;
        let metrics = self.gate.metrics();
        let attempted = |outcome| metrics.attempted(&addressed.metrics(name, metrics), outcome);
        let mut span = self.span(plan, candidate);
        let asked = self.shown(plan, generation, candidate, &span).await;
        let asked = asked.inspect_err(|failed| {
            if let Failed::Next(refusal) = failed {
                self.breaker.failed(name, None);
                let is_late = matches!(refusal.code(), ErrorCode::UpstreamTimeout | ErrorCode::EgressConnectTimeout);
                attempted(if is_late { Attempt::Late } else { Attempt::Unreachable });
                // One line for each would be many in an outage; metrics count them, and the breaker says when it opens.
                tracing::debug!(model = name.as_str(), code = refusal.code().as_str(), "a model did not answer");
            }
            span.failed(failed.refusal().code().as_str());
        });
        let (answered, proof) = asked.map_err(|failed| match failed {
            Failed::Next(refusal) if !self.goes_on(plan, name) => Failed::Last(refusal),
            failed => failed,
        })?;
        let status = answered.status();
        span.count("http.response.status_code", status.as_u16().into());
        if !status.is_success() {
            span.failed("status");
        }
        attempted(match status {
            StatusCode::TOO_MANY_REQUESTS => Attempt::Overloaded,
            status if status.is_server_error() => Attempt::Failed,
            _ => Attempt::Answered,
        });
        if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
            self.breaker.well(name);
            return Ok((answered, proof));
        }
        let wait = retry_after(answered.headers());
        self.breaker.failed(name, wait);
        tracing::debug!(model = name.as_str(), status = status.as_u16(), "a model did not answer");
        if !self.goes_on(plan, name) {
            // The client reads the provider's own words, and when to come again.
            return Ok((answered, proof));
        }
        answered.into_body().discard();
        let refusal = Refusal::new(ErrorCode::UpstreamUnavailable, format!("`{name}` answers {}", status.as_u16()));
        Err(Failed::Next(
            wait.map_or(refusal.clone(), |wait| refusal.after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))),
        ))
    }

    /// Whether the next candidate is asked, where one has failed: there is one, and a retry for it.
    fn goes_on(&self, plan: &Plan<'_>, failed: &Name) -> bool {
        plan.candidates.last().is_some_and(|last| last.name != failed) && self.retries.take()
    }

    /// The span of one candidate's turn, until the head of its answer.
    fn span(&self, plan: &Plan<'_>, candidate: Candidate<'_>) -> Span {
        let mut span = self.gate.tracer().begin("POST", &plan.context);
        span.describe(|span| {
            span.set("http.request.method", "POST");
            span.set("kars.model", candidate.name.to_string());
            span.server(candidate.route.endpoint.host(), candidate.route.endpoint.port());
            let turn = plan.candidates.iter().position(|other| other.name == candidate.name).unwrap_or(0);
            span.count("http.request.resend_count", turn as u64);
        });
        span
    }

    /// Asks a provider; once more, where it refuses a token and there is another.
    async fn shown(
        &self,
        plan: &Plan<'_>,
        generation: &Generation,
        candidate: Candidate<'_>,
        span: &Span,
    ) -> Result<(Box<Response<Coming>>, Proof), Failed> {
        let endpoint = &candidate.route.endpoint;
        let ask = async |proof: &Proof| {
            let mut request = request(plan, candidate, proof).map_err(Failed::Last)?;
            if let Some(told) = span.told(generation.document(), endpoint) {
                request.headers_mut().insert(TRACEPARENT, told);
            }
            self.upstream.send(endpoint, generation, request, FIRST_BYTE).await.map_err(Failed::Next)
        };
        let proof = self.tokens.proof(candidate.route).await.map_err(Failed::Next)?;
        let answered = ask(&proof).await?;
        if answered.status() != StatusCode::UNAUTHORIZED {
            return Ok((answered, proof));
        }
        match self.tokens.instead_of(&proof).await {
            Some(other) => {
                answered.into_body().discard();
                Ok((ask(&other).await?, other))
            }
            None => Ok((answered, proof)),
        }
    }

    /// Names the host of a route in the headers and shows it what it asks for.
    pub(crate) async fn authorized(&self, route: &Route, headers: &mut HeaderMap) -> Result<Secret, Refusal> {
        let proof = self.tokens.proof(route).await?;
        let host = HeaderValue::from_str(&route.endpoint.authority()).expect("the host of an endpoint is plain");
        authorize(route, host, &proof, headers)?;
        Ok(proof.secret().clone())
    }
}

fn authorize(route: &Route, host: HeaderValue, proof: &Proof, headers: &mut HeaderMap) -> Result<(), Refusal> {
    (ways(route.provider).authorize)(&proof.shown(), headers).map_err(|_| {
        Refusal::new(ErrorCode::UpstreamUnavailable, "the router's credential holds letters that no header takes")
    })?;
    headers.insert(HOST, host);
    Ok(())
}

/// The request as a provider takes it.
fn request(plan: &Plan<'_>, candidate: Candidate<'_>, proof: &Proof) -> Result<Request<Full<Bytes>>, Refusal> {
    let Candidate { route, addressed, .. } = candidate;
    let told = plan.told.as_ref().filter(|told| told.api == candidate.api);
    let asked = told.unwrap_or(&plan.asked);
    let Asked { api, question, .. } = asked;
    let ways = ways(route.provider);
    let path = addressed.path(*api).ok_or_else(|| not_served(*api, route))?;
    let mut edits = asked.edits();
    edits.set("model", question.model, &addressed.deployment);
    if *api == Api::ChatCompletions && question.stream == Some(true) {
        edits.set("stream_options", question.stream_options, r#"{"include_usage":true}"#);
    }
    (ways.adapt)(*api, question, &mut edits);
    let mut headers = headers::asked(&plan.headers);
    authorize(route, addressed.host.clone(), proof, &mut headers)?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut request = Request::new(Full::new(Bytes::from(edits.apply())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.clone();
    *request.headers_mut() = headers;
    Ok(request)
}

pub(super) fn not_served(api: Api, route: &Route) -> Refusal {
    let message = format!(
        "`{}` speaks {} at {}, not {}",
        route.deployment,
        route.dialect.as_str(),
        route.provider.as_str(),
        api.as_str()
    );
    Refusal::new(ErrorCode::ArgsWrong, message)
}

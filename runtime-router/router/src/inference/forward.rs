//! A request to a model, from the client to a provider and back: read once, decided, paid for, sent to one candidate after the
//! other until one answers. Not here: what passes back (`answer`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::permits;
use kars_contract::router::{AllowedModel, Credential, Inference, Route};
use kars_contract::{ModelName, Name};
use kars_kit::clock::now;
use kars_kit::http::Body;
use opentelemetry::trace::SpanContext;
use tokio::time::Instant;

use super::answer::Passing;
use super::api::{Api, Family};
use super::breaker::Breaker;
use super::budget::Ledger;
use super::edit::Edits;
use super::errors;
use super::headers::asked;
use super::observed::Observed;
use super::provider::{Shown, ways};
use super::question::Question;
use super::toolbox;
use super::upstream::{Answered, Upstream};
use crate::api::body::read;
use crate::credentials::{Credentials, Secret};
use crate::dial::Dial;
use crate::gate::{Gate, Permit};
use crate::metrics::{Attempt, Kind};
use crate::refusal::Refusal;
use crate::trace::{Span, TRACEPARENT, parent};

/// How long a provider may take to begin its answer: one that is not streamed comes when all of it is there.
const FIRST_BYTE: Duration = Duration::from_mins(10);
/// After this time no further candidate is tried.
const FAILOVER: Duration = Duration::from_mins(2);

/// Asks models.
#[derive(Debug)]
pub struct Forward<D> {
    gate: Gate,
    upstream: Upstream<D>,
    credentials: Credentials,
    ledger: Ledger,
    breaker: Arc<Breaker>,
}

/// A request that may be sent, to any of its candidates.
struct Plan<'a> {
    api: Api,
    body: &'a str,
    question: Question<'a>,
    headers: HeaderMap,
    candidates: Vec<(&'a Name, &'a Route)>,
    /// What the spans of attempts are part of.
    context: SpanContext,
}

/// Why a candidate did not answer.
enum Failed {
    /// Another may.
    Next(Refusal),
    /// The request itself cannot be sent.
    Last(Refusal),
}

impl<D: Dial> Forward<D> {
    /// Asks by what is served.
    #[must_use]
    pub fn new(gate: Gate, dial: Arc<D>, credentials: Credentials, ledger: Ledger) -> Self {
        Self { gate, upstream: Upstream::new(dial), credentials, ledger, breaker: Arc::default() }
    }

    /// How every candidate has fared.
    #[must_use]
    pub fn breaker(&self) -> Arc<Breaker> {
        Arc::clone(&self.breaker)
    }

    /// Answers a request in the form of its family.
    pub async fn answer(&self, api: Api, request: Request<Incoming>) -> Response<Body> {
        let span = self.gate.tracer().begin("inference", &parent(request.headers()));
        let mut observed = Observed::begin(Arc::clone(self.gate.metrics()), api, span);
        match self.ask(api, request, &mut observed).await {
            Ok((passing, answered)) => {
                let (response, lease) = answered.split();
                passing.pass(response, lease, observed).await
            }
            Err(refusal) => {
                observed.refused(&refusal);
                errors::response(api.family(), refusal)
            }
        }
    }

    async fn ask(
        &self,
        api: Api,
        request: Request<Incoming>,
        observed: &mut Observed,
    ) -> Result<(Passing, Answered), Refusal> {
        let limits = self.gate.current().in_force(now())?.document().limits;
        let headers = asked(request.headers())?;
        let most = usize::try_from(limits.inference_request_bytes).unwrap_or(usize::MAX);
        let bytes = read(request.into_body(), most).await?;
        let question = Question::read(&bytes)?;
        let name = self.model(&question)?;
        let permit = self.gate.decide(Kind::Inference, &name, &permits::Request::Model { name: &name })?;
        observed.asks_for(api, &name, question.stream == Some(true));
        let document = permit.generation().document();
        let body = std::str::from_utf8(&bytes).unwrap_or_default();
        let filtered = toolbox::filtered(body, &question, document)?;
        let body = filtered.as_deref().unwrap_or(body);
        let question = Question::read(body.as_bytes())?;
        let context = observed.span().context();
        let plan = Plan { api, body, question, headers, candidates: candidates(api, &permit, &name)?, context };
        let costs = plan
            .candidates
            .iter()
            .map(|(_, route)| plan.question.cost(api, body.len(), route, document.budget.tokens_per_request));
        let cost = costs.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
        let reservation = self.ledger.reserve(cost, &document.budget, now())?;
        let (answered, route, secret) = match self.first_of(&plan, &permit).await {
            Ok((answered, name, route, secret)) => {
                observed.answered_by(name, route.provider);
                (answered, route, secret)
            }
            Err(refusal) => {
                // Nobody answered, so nobody charges.
                reservation.settle(0);
                return Err(refusal);
            }
        };
        let passing = Passing {
            api,
            floor: route.safety,
            secret,
            reservation,
            most: usize::try_from(limits.inference_response_bytes).unwrap_or(usize::MAX),
            idle: Duration::from_secs(limits.inference_idle_seconds),
        };
        Ok((passing, answered))
    }

    /// The model that is asked for, or the agent's own.
    fn model(&self, question: &Question<'_>) -> Result<ModelName, Refusal> {
        if let Some(text) = question.model_name()? {
            let wrong = |_| {
                let shown: String = text.chars().take(64).collect();
                Refusal::new(ErrorCode::ModelNotAllowed, format!("`{}` is the name of no model", shown.escape_debug()))
            };
            return ModelName::parse(&text).map_err(wrong);
        }
        let generation = self.gate.current().in_force(now())?;
        let inference = generation.document().inference.as_ref();
        let inference = inference.ok_or_else(|| Refusal::new(ErrorCode::ModelNotAllowed, "the agent has no model"))?;
        Ok(inference.default.clone())
    }

    /// The first candidate that answers. A refusal of the provider's own, other than for its load, is an answer.
    async fn first_of<'p>(
        &self,
        plan: &Plan<'p>,
        permit: &Permit,
    ) -> Result<(Answered, &'p Name, &'p Route, Option<Secret>), Refusal> {
        let began = Instant::now();
        let mut last = None;
        for (name, route) in &plan.candidates {
            if began.elapsed() > FAILOVER {
                break;
            }
            if !self.breaker.may_try(name) {
                self.gate.metrics().attempted(name, route.provider, Attempt::LeftAlone);
                continue;
            }
            match self.try_one(plan, permit, name, route).await {
                Ok((answered, secret)) => return Ok((answered, name, route, secret)),
                Err(Failed::Last(refusal)) => return Err(refusal),
                Err(Failed::Next(refusal)) => {
                    tracing::warn!(model = name.as_str(), code = refusal.code().as_str(), "a model did not answer");
                    last = Some(refusal);
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            Refusal::new(ErrorCode::UpstreamUnavailable, "every model that may answer has failed before").after(5_000)
        }))
    }

    async fn try_one(
        &self,
        plan: &Plan<'_>,
        permit: &Permit,
        name: &Name,
        route: &Route,
    ) -> Result<(Answered, Option<Secret>), Failed> {
        let (mut request, secret) = self.request(plan, route).map_err(Failed::Last)?;
        let mut span = self.attempt(plan, name, route);
        if let Some(told) = span.told(permit.generation().document(), &route.endpoint) {
            request.headers_mut().insert(TRACEPARENT, told);
        }
        let sent = self.upstream.send(&route.endpoint, permit.generation(), request, FIRST_BYTE).await;
        let attempted = |outcome| self.gate.metrics().attempted(name, route.provider, outcome);
        let answered = sent.map_err(|refusal| {
            self.breaker.failed(name, None);
            let is_late = matches!(refusal.code(), ErrorCode::UpstreamTimeout | ErrorCode::EgressConnectTimeout);
            attempted(if is_late { Attempt::Late } else { Attempt::Unreachable });
            span.failed(refusal.code().as_str());
            Failed::Next(refusal)
        })?;
        let status = answered.response.status();
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
            return Ok((answered, secret));
        }
        let wait = retry_after(answered.response.headers());
        self.breaker.failed(name, wait);
        let is_last = plan.candidates.last().is_some_and(|(last, _)| *last == name);
        if is_last {
            // The client reads the provider's own words, and when to come again.
            return Ok((answered, secret));
        }
        let refusal = Refusal::new(ErrorCode::UpstreamUnavailable, format!("`{name}` answers {}", status.as_u16()));
        Err(Failed::Next(
            wait.map_or(refusal.clone(), |wait| refusal.after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))),
        ))
    }

    /// The span of one candidate's turn, until the head of its answer.
    fn attempt(&self, plan: &Plan<'_>, name: &Name, route: &Route) -> Span {
        let mut span = self.gate.tracer().begin("POST", &plan.context);
        span.set("http.request.method", "POST");
        span.set("kars.model", name.to_string());
        span.server(route.endpoint.host(), route.endpoint.port());
        let turn = plan.candidates.iter().position(|(candidate, _)| *candidate == name).unwrap_or(0);
        span.count("http.request.resend_count", turn as u64);
        span
    }

    /// The request as this provider takes it.
    fn request(&self, plan: &Plan<'_>, route: &Route) -> Result<(Request<Full<Bytes>>, Option<Secret>), Refusal> {
        let ways = ways(route.provider);
        let path = (ways.path)(route.endpoint.path(), plan.api);
        let path = path.ok_or_else(|| not_served(plan.api, route))?;
        let mut edits = Edits::of(plan.body);
        edits.set("model", plan.question.model, serde_json::Value::from(route.deployment.as_str()).to_string());
        if plan.api == Api::ChatCompletions && plan.question.stream == Some(true) {
            edits.set("stream_options", plan.question.stream_options, r#"{"include_usage":true}"#.to_owned());
        }
        (ways.adapt)(plan.api, &plan.question, &mut edits);
        let mut headers = plan.headers.clone();
        let secret = self.secret(route)?;
        (ways.authorize)(&Shown::Key(secret.reveal()), &mut headers).map_err(|_| {
            Refusal::new(ErrorCode::UpstreamUnavailable, "the router's credential holds letters that no header takes")
        })?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let host = HeaderValue::from_str(&route.endpoint.authority()).expect("the host of an endpoint is plain");
        headers.insert(HOST, host);
        let mut request = Request::new(Full::new(Bytes::from(edits.apply())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().expect("the path of an endpoint is plain");
        *request.headers_mut() = headers;
        Ok((request, Some(secret)))
    }

    fn secret(&self, route: &Route) -> Result<Secret, Refusal> {
        match &route.credential {
            Credential::Secret(reference) => self.credentials.read(reference),
            Credential::WorkloadIdentity { .. } | Credential::ManagedIdentity {} => {
                let message = "this router exchanges no identity for a token yet; give the model a `secret`";
                Err(Refusal::new(ErrorCode::UpstreamUnavailable, message))
            }
        }
    }
}

/// The routes that may answer: those of the model's candidates that speak the API.
fn candidates<'p>(api: Api, permit: &'p Permit, name: &ModelName) -> Result<Vec<(&'p Name, &'p Route)>, Refusal> {
    let document = permit.generation().document();
    let Some(Inference { allowed, routes, .. }) = &document.inference else { return Ok(Vec::new()) };
    let model: Option<&AllowedModel> = allowed.iter().find(|model| model.names.contains(name));
    let all: Vec<_> =
        model.into_iter().flat_map(|model| &model.candidates).filter_map(|name| routes.get_key_value(name)).collect();
    let spoken = |route: &Route| {
        api.is_spoken_by(route.dialect) && (ways(route.provider).path)(route.endpoint.path(), api).is_some()
    };
    let speaking: Vec<_> = all.iter().copied().filter(|(_, route)| spoken(route)).collect();
    match (speaking.is_empty(), all.first()) {
        (true, Some((_, route))) => Err(not_served(api, route)),
        _ => Ok(speaking),
    }
}

fn not_served(api: Api, route: &Route) -> Refusal {
    let message = format!(
        "`{}` speaks {} at {}, not {}",
        route.deployment,
        route.dialect.as_str(),
        route.provider.as_str(),
        api.as_str()
    );
    Refusal::new(ErrorCode::ArgsWrong, message)
}

/// What a provider asks for, in seconds. A date is one way to say it that no provider uses; it counts as nothing said.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Whether a path is one of inference, and whose clients call it.
#[must_use]
pub fn family_of(path: &str) -> Option<Family> {
    Api::of(path).map(Api::family)
}

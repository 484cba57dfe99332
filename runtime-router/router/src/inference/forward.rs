//! A request to a model, from the client to a provider and back: read once, decided, paid for, sent. Not here: the candidates
//! (`attempts`), and what passes back (`answer`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::permits;
use kars_contract::router::{AllowedModel, Inference, Route};
use kars_contract::{ModelName, Name, RuleId};
use kars_kit::clock::now;
use kars_kit::http::Body;
use opentelemetry::trace::SpanContext;

use super::addressed::Addressed;
use super::answer::{Passing, outcome};
use super::api::{Api, Family};
use super::attempts::{Asked, Attempts, Candidate, Got, Plan, not_served};
use super::breaker::Breaker;
use super::budget::{Ledger, Reservation, Unpaid};
use super::errors;
use super::headers;
use super::observed::Observed;
use super::question::{Question, text};
use super::toolbox::{self, Filtered};
use super::translate;
use super::upstream::{Coming, Upstream};
use crate::api::body::read;
use crate::dial::Dial;
use crate::gate::{Gate, Permit, Revoked};
use crate::metrics::Kind;
use crate::policy::Generation;
use crate::refusal::Refusal;
use crate::tokens::Tokens;
use crate::trace::parent;

/// Asks models.
#[derive(Debug)]
pub struct Forward<D> {
    gate: Gate,
    attempts: Attempts<D>,
    ledger: Ledger,
}

/// An answer that has begun, and how it is to pass.
struct Begun<'a> {
    response: Box<Response<Coming>>,
    passing: Passing,
    route: &'a Route,
}

/// A whole answer to what the router itself asked.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Who answered.
    pub(crate) route: Route,
}

impl<D: Dial> Forward<D> {
    /// Asks by what is served.
    #[must_use]
    pub fn new(gate: Gate, dial: Arc<D>, tokens: Tokens, ledger: Ledger) -> Self {
        Self { attempts: Attempts::new(gate.clone(), Upstream::new(dial), tokens), gate, ledger }
    }

    /// How candidates are asked.
    pub(crate) fn attempts(&self) -> &Attempts<D> {
        &self.attempts
    }

    /// How every candidate has fared.
    #[must_use]
    pub fn breaker(&self) -> Arc<Breaker> {
        self.attempts.breaker()
    }

    /// Answers a request in the form of its family.
    pub async fn answer(&self, api: Api, request: Box<Request<Incoming>>) -> Response<Body> {
        let mut observed = self.observed(api, &parent(request.headers()));
        match self.ask(api, request, &mut observed).await {
            // On the heap: it is large, and would be copied into its place.
            Ok((passing, response)) => Box::pin(passing.pass(response, observed)).await,
            Err(refusal) => {
                observed.refused(&refusal);
                errors::response(api.family(), refusal)
            }
        }
    }

    /// Begins to observe a request.
    fn observed(&self, api: Api, parent: &SpanContext) -> Observed {
        Observed::begin(Arc::clone(self.gate.metrics()), api, self.gate.tracer().begin("inference", parent))
    }

    async fn ask(
        &self,
        api: Api,
        mut request: Box<Request<Incoming>>,
        observed: &mut Observed,
    ) -> Result<(Passing, Box<Response<Coming>>), Refusal> {
        let limits = self.gate.current().in_force(now())?.document().limits;
        headers::plain(request.headers())?;
        let headers = std::mem::take(request.headers_mut());
        let most = usize::try_from(limits.inference_request_bytes).unwrap_or(usize::MAX);
        let bytes = read(request.body_mut(), most).await?;
        let body = text(&bytes)?;
        let question = Question::read(body)?;
        let name = self.model(&question)?;
        let permit = self.permitted(&name)?;
        observed.asks_for(api, &name, question.stream == Some(true));
        toolbox::refuse_detours(&question)
            .map_err(|refusal| self.gate.undone(Kind::Inference, &name, &permit, refusal))?;
        let rewritten;
        let asked = match permit.generation().toolbox.filtered(body, &question)? {
            Filtered::Whole => Asked { api, body, question, tools: None },
            Filtered::Tools(list) => Asked { api, body, question, tools: Some(list) },
            Filtered::Body(text) => {
                rewritten = text;
                Asked::read(api, &rewritten)?
            }
        };
        let mut candidates = candidates(api, &permit, &name)?;
        let told = told(&asked, &mut candidates)?;
        let told = told.as_ref().map(|(api, body)| Asked::read(*api, body)).transpose()?;
        let plan = Plan { asked, told, headers, candidates, context: observed.span().context() };
        let revoked = permit.model_revoked(self.gate.current().clone(), name.clone());
        let begun = self.begin(&plan, permit.generation(), name.as_str(), revoked, observed).await?;
        let Begun { response, passing, route: _ } = begun;
        Ok((passing, response))
    }

    /// Whether the agent may ask a model.
    fn permitted(&self, name: &ModelName) -> Result<Permit, Refusal> {
        self.gate.decide(Kind::Inference, name, &permits::Request::Model { name })
    }

    /// Asks what the router itself has to ask for a tool of the agent: the agent's own model, on those routes that fit.
    pub(crate) async fn ask_own_model(
        &self,
        api: Api,
        body: &str,
        fits: impl Fn(&Route) -> bool,
    ) -> Result<Whole, Refusal> {
        let asked = Asked::read(api, body)?;
        let name = self.model(&asked.question)?;
        let permit = self.permitted(&name)?;
        let mut candidates = candidates(api, &permit, &name)?;
        candidates.retain(|candidate| candidate.api == api && fits(candidate.route));
        self.whole(asked, candidates, permit.generation(), &name).await
    }

    /// Asks one route for a tool of the agent, whatever the agent's models are. The tool's own permit lets it.
    pub(crate) async fn ask_route(
        &self,
        generation: &Generation,
        api: Api,
        body: &str,
        (name, route): (&Name, &Route),
    ) -> Result<Whole, Refusal> {
        let addressed = &Addressed::of(route);
        let candidates = vec![Candidate { name, route, addressed, api }];
        self.whole(Asked::read(api, body)?, candidates, generation, &route.deployment).await
    }

    /// The whole answer. Whoever waits for it sees to it that it is still allowed.
    async fn whole(
        &self,
        asked: Asked<'_>,
        candidates: Vec<Candidate<'_>>,
        generation: &Generation,
        model: &ModelName,
    ) -> Result<Whole, Refusal> {
        let mut observed = self.observed(asked.api, &SpanContext::NONE);
        observed.asks_for(asked.api, model, false);
        let context = observed.span().context();
        let plan = Plan { asked, told: None, headers: HeaderMap::new(), candidates, context };
        let whole = self.collected(&plan, generation, model, &mut observed).await;
        match &whole {
            Ok(whole) => observed.ended(outcome(whole.status)),
            Err(refusal) => observed.refused(refusal),
        }
        whole
    }

    async fn collected(
        &self,
        plan: &Plan<'_>,
        generation: &Generation,
        model: &ModelName,
        observed: &mut Observed,
    ) -> Result<Whole, Refusal> {
        let begun = self.begin(plan, generation, model.as_str(), Revoked::never(), observed).await?;
        let Begun { response, passing, route } = begun;
        let (head, body) = response.into_parts();
        let body = passing.whole(body, head.status, observed).await?;
        Ok(Whole { status: head.status, headers: head.headers, body, route: route.clone() })
    }

    /// Sets aside what the request may cost, and asks.
    async fn begin<'p>(
        &self,
        plan: &Plan<'p>,
        generation: &Generation,
        what: &str,
        mut revoked: Revoked,
        observed: &mut Observed,
    ) -> Result<Begun<'p>, Refusal> {
        let document = generation.document();
        let Asked { api, question, .. } = &plan.asked;
        let bytes = plan.asked.bytes();
        let costs = plan
            .candidates
            .iter()
            .map(|candidate| question.cost(*api, bytes, candidate.route, document.budget.tokens_per_request));
        let cost = costs.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
        let reservation = self.set_aside(generation, what, cost)?;
        let found = tokio::select! {
            biased;
            found = self.attempts.first_of(plan, generation) => found,
            refusal = revoked.wait() => Err(refusal),
        };
        let Got { answered, candidate, proof } = match found {
            Ok(got) => got,
            Err(refusal) => {
                // Nobody answered, so nobody charges.
                reservation.settle(0);
                return Err(refusal);
            }
        };
        let metrics = candidate.addressed.metrics(candidate.name, self.gate.metrics());
        observed.answered_by(candidate.name, candidate.route.provider, metrics);
        let limits = document.limits;
        let passing = Passing {
            api: candidate.api,
            client: *api,
            streamed: question.stream == Some(true),
            floor: candidate.route.safety,
            secret: proof.secret().clone(),
            reservation,
            most: usize::try_from(limits.inference_response_bytes).unwrap_or(usize::MAX),
            idle: Duration::from_secs(limits.inference_idle_seconds),
            revoked,
        };
        Ok(Begun { response: answered, passing, route: candidate.route })
    }

    /// Sets tokens aside. What may be done and not be paid for is told which budget is used up.
    pub(crate) fn set_aside(&self, generation: &Generation, what: &str, tokens: u64) -> Result<Reservation, Refusal> {
        let reserved = self.ledger.reserve(tokens, &generation.document().budget, now());
        reserved.map_err(|Unpaid { limit, mut refusal }| {
            refusal.detail.rule = limit.map(|limit| RuleId::budget(&generation.document().identity.agent, limit));
            let rule = refusal.detail.rule.as_ref();
            refusal.detail.origin = rule.and_then(|rule| generation.origins().rules.get(rule)).cloned();
            self.gate.refused(Kind::Inference, what, &refusal);
            refusal
        })
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
}

/// The routes that may answer: those of the model's candidates that offer the API, or the one that it can be told in.
fn candidates<'p>(api: Api, permit: &'p Permit, name: &ModelName) -> Result<Vec<Candidate<'p>>, Refusal> {
    let document = permit.generation().document();
    let Some(Inference { allowed, routes, .. }) = &document.inference else { return Ok(Vec::new()) };
    let model: Option<&AllowedModel> = allowed.iter().find(|model| model.names.contains(name));
    let (mut able, mut unable) = (Vec::new(), None);
    for name in model.into_iter().flat_map(|model| &model.candidates) {
        let (route, addressed) = (routes.get_key_value(name), permit.generation().addressed.get(name));
        let Some(((name, route), addressed)) = route.zip(addressed) else { continue };
        let offers = |api: &Api| api.is_offered_by(route) && addressed.path(*api).is_some();
        match [Some(api), translate::other(api)].into_iter().flatten().find(offers) {
            Some(api) => able.push(Candidate { name, route, addressed, api }),
            None => unable = unable.or(Some(route)),
        }
    }
    match unable.filter(|_| able.is_empty()) {
        Some(route) => Err(not_served(api, route)),
        None => Ok(able),
    }
}

/// The request in the other API, where a candidate offers only that. Candidates that cannot be told it are not asked, but for the
/// last of them the client is told why.
fn told(asked: &Asked<'_>, candidates: &mut Vec<Candidate<'_>>) -> Result<Option<(Api, String)>, Refusal> {
    let Some(api) = candidates.iter().map(|candidate| candidate.api).find(|api| *api != asked.api) else {
        return Ok(None);
    };
    match translate::request(asked.api, &asked.text()) {
        Ok(body) => Ok(Some((api, body))),
        Err(refusal) => {
            candidates.retain(|candidate| candidate.api == asked.api);
            if candidates.is_empty() { Err(refusal) } else { Ok(None) }
        }
    }
}

/// Whether a path is one of inference, and whose clients call it.
#[must_use]
pub fn family_of(path: &str) -> Option<Family> {
    Api::of(path).map(Api::family)
}

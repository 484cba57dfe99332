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
use kars_contract::{ModelName, Name};
use kars_kit::clock::now;
use kars_kit::http::Body;

use super::answer::Passing;
use super::api::{Api, Family};
use super::attempts::{Asked, Attempts, Candidate, Got, Plan, not_served};
use super::budget::Ledger;
use super::errors;
use super::headers::asked;
use super::provider::ways;
use super::question::Question;
use super::toolbox;
use super::translate;
use super::upstream::{Lease, Upstream};
use crate::api::body::read;
use crate::credentials::Credentials;
use crate::dial::Dial;
use crate::gate::{Gate, Permit};
use crate::metrics::Kind;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// Asks models.
#[derive(Debug)]
pub struct Forward<D> {
    gate: Gate,
    attempts: Attempts<D>,
    ledger: Ledger,
}

/// An answer that has begun, and how it is to pass.
struct Begun<'a> {
    response: Response<Incoming>,
    lease: Lease,
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
    pub fn new(gate: Gate, dial: Arc<D>, credentials: Credentials, ledger: Ledger) -> Self {
        Self { gate, attempts: Attempts::new(Upstream::new(dial), credentials), ledger }
    }

    /// How candidates are asked.
    pub(crate) fn attempts(&self) -> &Attempts<D> {
        &self.attempts
    }

    /// The count of tokens.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Answers a request in the form of its family.
    pub async fn answer(&self, api: Api, request: Request<Incoming>) -> Response<Body> {
        let answered = self.ask(api, request).await;
        answered.unwrap_or_else(|refusal| errors::response(api.family(), refusal))
    }

    async fn ask(&self, api: Api, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let limits = self.gate.current().in_force(now())?.document().limits;
        let headers = asked(request.headers())?;
        let most = usize::try_from(limits.inference_request_bytes).unwrap_or(usize::MAX);
        let bytes = read(request.into_body(), most).await?;
        let question = Question::read(&bytes)?;
        let name = self.model(&question)?;
        let permit = self.permitted(&name)?;
        toolbox::refuse_detours(&question)
            .map_err(|refusal| self.gate.undone(Kind::Inference, &name, &permit, refusal))?;
        let document = permit.generation().document();
        let body = std::str::from_utf8(&bytes).unwrap_or_default();
        let filtered = toolbox::filtered(body, &question, document)?;
        let asked = Asked::read(api, filtered.as_deref().unwrap_or(body))?;
        let mut candidates = candidates(api, &permit, &name)?;
        let told = told(&asked, &mut candidates)?;
        let told = told.as_ref().map(|(api, body)| Asked::read(*api, body)).transpose()?;
        let plan = Plan { asked, told, headers, candidates };
        let Begun { response, lease, passing, route: _ } = self.begin(&plan, permit.generation()).await?;
        Ok(passing.pass(response, lease).await)
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
        self.whole(Plan { asked, told: None, headers: HeaderMap::new(), candidates }, permit.generation()).await
    }

    /// Asks one route for a tool of the agent, whatever the agent's models are. The tool's own permit lets it.
    pub(crate) async fn ask_route(
        &self,
        generation: &Generation,
        api: Api,
        body: &str,
        (name, route): (&Name, &Route),
    ) -> Result<Whole, Refusal> {
        let (asked, candidates) = (Asked::read(api, body)?, vec![Candidate { name, route, api }]);
        self.whole(Plan { asked, told: None, headers: HeaderMap::new(), candidates }, generation).await
    }

    async fn whole(&self, plan: Plan<'_>, generation: &Generation) -> Result<Whole, Refusal> {
        let Begun { response, lease, passing, route } = self.begin(&plan, generation).await?;
        let (head, body) = response.into_parts();
        let body = passing.whole(body, lease, head.status).await?;
        Ok(Whole { status: head.status, headers: head.headers, body, route: route.clone() })
    }

    /// Sets aside what the request may cost, and asks.
    async fn begin<'p>(&self, plan: &Plan<'p>, generation: &Generation) -> Result<Begun<'p>, Refusal> {
        let document = generation.document();
        let Asked { api, body, question } = &plan.asked;
        let costs = plan
            .candidates
            .iter()
            .map(|candidate| question.cost(*api, body.len(), candidate.route, document.budget.tokens_per_request));
        let cost = costs.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
        let reservation = self.ledger.reserve(cost, &document.budget, now())?;
        let Got { answered, candidate, secret } = match self.attempts.first_of(plan, generation).await {
            Ok(got) => got,
            Err(refusal) => {
                // Nobody answered, so nobody charges.
                reservation.settle(0);
                return Err(refusal);
            }
        };
        let (response, lease) = answered.split();
        let limits = document.limits;
        let passing = Passing {
            api: candidate.api,
            client: *api,
            streamed: question.stream == Some(true),
            floor: candidate.route.safety,
            secret: Some(secret),
            reservation,
            most: usize::try_from(limits.inference_response_bytes).unwrap_or(usize::MAX),
            idle: Duration::from_secs(limits.inference_idle_seconds),
        };
        Ok(Begun { response, lease, passing, route: candidate.route })
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
    let all: Vec<_> =
        model.into_iter().flat_map(|model| &model.candidates).filter_map(|name| routes.get_key_value(name)).collect();
    let offers = |route: &Route, api: Api| {
        api.is_offered_by(route) && (ways(route.provider).path)(route.endpoint.path(), api).is_some()
    };
    let over = |route: &Route| [Some(api), translate::other(api)].into_iter().flatten().find(|api| offers(route, *api));
    let able: Vec<_> =
        all.iter().filter_map(|(name, route)| Some(Candidate { name, route, api: over(route)? })).collect();
    match (able.is_empty(), all.first()) {
        (true, Some((_, route))) => Err(not_served(api, route)),
        _ => Ok(able),
    }
}

/// The request in the other API, where a candidate offers only that. Candidates that cannot be told it are not asked, but for the
/// last of them the client is told why.
fn told(asked: &Asked<'_>, candidates: &mut Vec<Candidate<'_>>) -> Result<Option<(Api, String)>, Refusal> {
    let Some(api) = candidates.iter().map(|candidate| candidate.api).find(|api| *api != asked.api) else {
        return Ok(None);
    };
    match translate::request(asked.api, asked.body) {
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

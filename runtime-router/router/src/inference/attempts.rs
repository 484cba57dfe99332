//! One request, sent to one candidate after the other until one answers. Not here: whether it may be sent, and what passes back.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use kars_contract::Name;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::{Credential, Route};
use tokio::time::Instant;

use super::api::Api;
use super::breaker::Breaker;
use super::edit::Edits;
use super::provider::{Shown, ways};
use super::question::Question;
use super::upstream::{Answered, Upstream};
use crate::credentials::{Credentials, Secret};
use crate::dial::Dial;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// How long a provider may take to begin its answer: one that is not streamed comes when all of it is there.
const FIRST_BYTE: Duration = Duration::from_mins(10);
/// After this time no further candidate is tried.
const FAILOVER: Duration = Duration::from_mins(2);

/// Asks candidates.
#[derive(Debug)]
pub struct Attempts<D> {
    upstream: Upstream<D>,
    credentials: Credentials,
    breaker: Breaker,
}

/// A request that may be sent, to any of its candidates.
pub(super) struct Plan<'a> {
    /// What the client asks.
    pub(super) asked: Asked<'a>,
    /// The same in the other API, where some candidate offers only that.
    pub(super) told: Option<Asked<'a>>,
    pub(super) headers: HeaderMap,
    pub(super) candidates: Vec<Candidate<'a>>,
}

/// Who may answer, over which API.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a Name,
    pub(super) route: &'a Route,
    pub(super) api: Api,
}

/// A body, and the API that it is written for.
pub(super) struct Asked<'a> {
    pub(super) api: Api,
    pub(super) body: &'a str,
    pub(super) question: Question<'a>,
}

/// A candidate that answers.
pub(super) struct Got<'a> {
    pub(super) answered: Answered,
    pub(super) candidate: Candidate<'a>,
    /// What it was shown.
    pub(super) secret: Secret,
}

/// Why a candidate did not answer.
enum Failed {
    /// Another may.
    Next(Refusal),
    /// The request itself cannot be sent.
    Last(Refusal),
}

impl<'a> Asked<'a> {
    /// Reads a body.
    pub(super) fn read(api: Api, body: &'a str) -> Result<Self, Refusal> {
        Ok(Self { api, body, question: Question::read(body.as_bytes())? })
    }
}

impl<D: Dial> Attempts<D> {
    pub(super) fn new(upstream: Upstream<D>, credentials: Credentials) -> Self {
        Self { upstream, credentials, breaker: Breaker::default() }
    }

    /// The connections.
    pub(crate) fn upstream(&self) -> &Upstream<D> {
        &self.upstream
    }

    /// The first candidate that answers. A refusal of the provider's own, other than for its load, is an answer.
    pub(super) async fn first_of<'p>(&self, plan: &Plan<'p>, generation: &Generation) -> Result<Got<'p>, Refusal> {
        let began = Instant::now();
        let mut last = None;
        for candidate in &plan.candidates {
            let name = candidate.name;
            if began.elapsed() > FAILOVER {
                break;
            }
            if !self.breaker.may_try(name) {
                continue;
            }
            match self.try_one(plan, generation, *candidate).await {
                Ok((answered, secret)) => return Ok(Got { answered, candidate: *candidate, secret }),
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
        generation: &Generation,
        candidate: Candidate<'_>,
    ) -> Result<(Answered, Secret), Failed> {
        let Candidate { name, route, api: _ } = candidate;
        let (request, secret) = self.request(plan, candidate).map_err(Failed::Last)?;
        let sent = self.upstream.send(&route.endpoint, generation, request, FIRST_BYTE).await;
        let answered = sent.map_err(|refusal| {
            self.breaker.failed(name, None);
            Failed::Next(refusal)
        })?;
        let status = answered.response.status();
        if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
            self.breaker.well(name);
            return Ok((answered, secret));
        }
        let wait = retry_after(answered.response.headers());
        self.breaker.failed(name, wait);
        let is_last = plan.candidates.last().is_some_and(|last| last.name == name);
        if is_last {
            // The client reads the provider's own words, and when to come again.
            return Ok((answered, secret));
        }
        let refusal = Refusal::new(ErrorCode::UpstreamUnavailable, format!("`{name}` answers {}", status.as_u16()));
        Err(Failed::Next(
            wait.map_or(refusal.clone(), |wait| refusal.after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))),
        ))
    }

    /// The request as this provider takes it.
    fn request(&self, plan: &Plan<'_>, candidate: Candidate<'_>) -> Result<(Request<Full<Bytes>>, Secret), Refusal> {
        let route = candidate.route;
        let told = plan.told.as_ref().filter(|told| told.api == candidate.api);
        let Asked { api, body, question } = told.unwrap_or(&plan.asked);
        let ways = ways(route.provider);
        let path = (ways.path)(route.endpoint.path(), *api);
        let path = path.ok_or_else(|| not_served(*api, route))?;
        let mut edits = Edits::of(body);
        edits.set("model", question.model, serde_json::Value::from(route.deployment.as_str()).to_string());
        if *api == Api::ChatCompletions && question.stream == Some(true) {
            edits.set("stream_options", question.stream_options, r#"{"include_usage":true}"#.to_owned());
        }
        (ways.adapt)(*api, question, &mut edits);
        let mut headers = plan.headers.clone();
        let secret = self.authorized(route, &mut headers)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut request = Request::new(Full::new(Bytes::from(edits.apply())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse().expect("the path of an endpoint is plain");
        *request.headers_mut() = headers;
        Ok((request, secret))
    }

    /// Names the host of a route in the headers and shows it what it asks for.
    pub(crate) fn authorized(&self, route: &Route, headers: &mut HeaderMap) -> Result<Secret, Refusal> {
        let secret = self.secret(route)?;
        (ways(route.provider).authorize)(&Shown::Key(secret.reveal()), headers).map_err(|_| {
            Refusal::new(ErrorCode::UpstreamUnavailable, "the router's credential holds letters that no header takes")
        })?;
        let host = HeaderValue::from_str(&route.endpoint.authority()).expect("the host of an endpoint is plain");
        headers.insert(HOST, host);
        Ok(secret)
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

/// What a provider asks for, in seconds. A date is one way to say it that no provider uses; it counts as nothing said.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

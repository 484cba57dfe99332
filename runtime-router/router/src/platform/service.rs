//! Requests to a provider beside its inference API: with the route's credential, over the same connections, within the same
//! ceilings. Not here: which requests.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Route;
use tokio::time::timeout;

use super::failure;
use crate::credentials::Redactor;
use crate::dial::Dial;
use crate::inference::attempts::Attempts;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a provider wants to be told by whoever uses its memory before the API is final.
const FEATURES: (HeaderName, HeaderValue) =
    (HeaderName::from_static("foundry-features"), HeaderValue::from_static("MemoryStores=V1Preview"));

/// A route, and what it is asked by.
pub(super) struct Service<'a, D> {
    pub(super) attempts: &'a Attempts<D>,
    pub(super) generation: &'a Generation,
    pub(super) route: &'a Route,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<D: Dial> Service<'_, D> {
    /// Asks for what lies at a path below the route's endpoint.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, Refusal> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    /// Sends JSON to a path below the route's endpoint.
    pub(super) async fn post(&self, path: &str, body: Vec<u8>) -> Result<Reply, Refusal> {
        self.ask(Method::POST, path, body).await
    }

    async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Reply, Refusal> {
        let Self { attempts, generation, route } = self;
        let mut headers = HeaderMap::from_iter([FEATURES]);
        let secret = attempts.authorized(route, &mut headers).await?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let uri = format!("{}{path}", route.endpoint.path()).parse();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri.map_err(|_| failure::unreadable(route, "a name"))?;
        *request.headers_mut() = headers;
        let response = attempts.upstream().send(&route.endpoint, generation, request, PATIENCE).await?;
        let (head, mut coming) = response.into_parts();
        let most = generation.document().limits.inference_response_bytes;
        let limited = Limited::new(&mut coming, usize::try_from(most).unwrap_or(usize::MAX));
        let host = route.endpoint.host();
        let body = match timeout(PATIENCE, limited.collect()).await {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                let message = format!("the answer of `{host}` has more than {most} bytes");
                return Err(Refusal::new(ErrorCode::UpstreamFailed, message));
            }
            Ok(Err(_)) => return Err(failure::unreadable(route, "something")),
            Err(_) => {
                return Err(Refusal::new(ErrorCode::UpstreamTimeout, format!("`{host}` does not end its answer")));
            }
        };
        coming.give_back();
        Ok(Reply { status: head.status, headers: head.headers, body: Redactor::new(secret).whole(body) })
    }
}

impl Reply {
    /// The refusal that this is, where it is no success.
    pub(super) fn failure(&self, route: &Route) -> Refusal {
        failure::of(route, self.status, &self.headers, &self.body)
    }
}

//! Requests to one registry: authorised when it asks, tried again when that may help, bounded in size and time.
//! Not here: what is asked for.

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use super::credentials::Credentials;
use super::{Access, Address, Fault, Limits, Transport};

/// How often a request is made at most.
const ATTEMPTS: u32 = 4;
/// How often a request is sent on elsewhere.
const MOST_REDIRECTS: usize = 5;

/// A client of one repository.
pub(super) struct Http {
    client: Client,
    pub(super) base: Url,
    pub(super) address: Address,
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) credentials: Credentials,
    /// What the registry wants to see, once it is known.
    pub(super) authorization: RefCell<Option<HeaderValue>>,
    deadline: Instant,
}

/// One request, without its authorisation.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'a str,
    /// What is sent, and of which type.
    pub(super) body: Option<(&'a [u8], &'a str)>,
    /// The largest answer.
    pub(super) most: u64,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Http {
    pub(super) fn new(address: &Address, access: Access, transport: Transport, limits: Limits) -> Result<Self, Fault> {
        let plain = address.is_loopback() || transport == Transport::Plain;
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/", address.server()))
            .map_err(|error| Fault::Machine(format!("`{}` is no host: {error}", address.host)))?;
        let mut builder = Client::builder()
            .user_agent(concat!("karsc/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.idle)
            .read_timeout(limits.idle)
            .redirect(Policy::custom(redirected));
        if address.is_loopback() {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build().map_err(|error| Fault::Machine(reason(&error)))?,
            base,
            address: address.clone(),
            access,
            limits,
            credentials: Credentials::of(address)?,
            authorization: RefCell::default(),
            deadline: Instant::now() + limits.total,
        })
    }

    /// The address of something in the repository.
    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(&format!("{}/{path}", self.address.repository)).expect("a repository and a path make an address")
    }

    /// Asks, again where that may help.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Reply, Fault> {
        self.again(async || self.authorized(ask).await).await
    }

    /// Does something until it is done, or until trying again is of no use.
    pub(super) async fn again<T>(&self, attempt: impl AsyncFn() -> Result<T, Fault>) -> Result<T, Fault> {
        let mut pause = self.limits.pause;
        for _ in 1..ATTEMPTS {
            match attempt().await {
                Err(fault) if fault.is_passing() => {}
                done => return done,
            }
            self.in_time(self.base.as_str(), async { Ok(tokio::time::sleep(pause).await) }).await?;
            pause *= 4;
        }
        attempt().await
    }

    /// Asks once, and once more where the registry wants to know who asks.
    pub(super) async fn authorized(&self, ask: &Ask<'_>) -> Result<Reply, Fault> {
        let reply = self.once(ask).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return passed(reply, &ask.url);
        }
        self.authorize(reply.headers.get(WWW_AUTHENTICATE)).await?;
        let reply = self.once(ask).await?;
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(Fault::Unauthorized(place(&ask.url)));
        }
        passed(reply, &ask.url)
    }

    /// Sends one request. Only the registry itself sees its authorisation.
    async fn once(&self, ask: &Ask<'_>) -> Result<Reply, Fault> {
        let authorization = self.authorization.borrow().clone().filter(|_| ask.url.origin() == self.base.origin());
        self.send(ask, authorization).await
    }

    /// Sends one request with the given authorisation.
    pub(super) async fn send(&self, ask: &Ask<'_>, authorization: Option<HeaderValue>) -> Result<Reply, Fault> {
        let mut request = self.client.request(ask.method.clone(), ask.url.clone()).header(ACCEPT, ask.accept);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((body, kind)) = ask.body {
            request = request.header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, body.len()).body(body.to_vec());
        }
        let place = place(&ask.url);
        let failed = |error: &reqwest::Error| {
            if error.is_redirect() {
                return Fault::Redirect(place.clone());
            }
            if error.is_timeout() {
                return Fault::Slow { place: place.clone(), seconds: self.limits.idle.as_secs() };
            }
            Fault::Unreachable { place: place.clone(), reason: reason(error) }
        };
        self.in_time(&place, async {
            let response = request.send().await.map_err(|error| failed(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            // What a failure says is of no use to anybody, and may be long.
            let body = if status.is_success() { read(response, ask.most, &place, failed).await? } else { Vec::new() };
            Ok(Reply { status, headers, body })
        })
        .await
    }

    /// Gives up when all time is used.
    async fn in_time<T>(&self, place: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let slow = || Fault::Slow { place: place.to_owned(), seconds: self.limits.total.as_secs() };
        tokio::time::timeout_at(self.deadline, work).await.unwrap_or_else(|_| Err(slow()))
    }
}

/// Reads a body of bounded size.
async fn read(
    mut response: Response,
    most: u64,
    place: &str,
    failed: impl Fn(&reqwest::Error) -> Fault,
) -> Result<Vec<u8>, Fault> {
    let too_large = || Fault::TooLarge { place: place.to_owned(), limit: most };
    if response.content_length().is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() as u64 + chunk.len() as u64 > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The reply, unless it says no.
fn passed(reply: Reply, url: &Url) -> Result<Reply, Fault> {
    let place = place(url);
    match reply.status {
        status if status.is_success() => Ok(reply),
        StatusCode::NOT_FOUND => Err(Fault::NotFound(place)),
        StatusCode::FORBIDDEN => Err(Fault::Unauthorized(place)),
        status => Err(Fault::Status { place, status: status.as_u16() }),
    }
}

/// From `https` to `https`, or on the same host and port; nowhere else.
fn redirected(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let safe = attempt.previous().last().is_some_and(|previous| {
        let both = previous.scheme() == "https" && attempt.url().scheme() == "https";
        both || previous.origin() == attempt.url().origin()
    });
    if safe && attempt.previous().len() <= MOST_REDIRECTS {
        attempt.follow()
    } else {
        attempt.error("the redirect is not followed")
    }
}

/// An address without what may be secret in it.
pub(super) fn place(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// The innermost reason.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if std::ptr::addr_eq(inner, error) { "the connection failed".to_owned() } else { inner.to_string().to_lowercase() }
}

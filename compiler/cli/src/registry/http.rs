//! Requests to one registry: authorised when it asks, tried again when that may help, bounded in size and time.
//! Not here: what is asked for.

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::redirect::{Action, Attempt, Policy};
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
    /// Follows redirects to other hosts, without authorisation: registries keep blobs elsewhere.
    client: Client,
    /// Stays with whom it asks: what is sent may be a secret.
    faithful: Client,
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
        let client = |policy: fn(&Url, &Url) -> bool| {
            let builder = Client::builder()
                .user_agent(concat!("karsc/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(limits.idle)
                .redirect(Policy::custom(move |attempt| redirected(attempt, policy)));
            let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
            builder.build().map_err(|error| Fault::Machine(reason(&error)))
        };
        Ok(Self {
            client: client(is_safe)?,
            faithful: client(is_same)?,
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
            self.in_time(self.base.as_str(), async {
                tokio::time::sleep(pause).await;
                Ok(())
            })
            .await?;
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
        let client = if ask.body.is_some() { &self.faithful } else { &self.client };
        self.send(client, ask, authorization).await
    }

    /// Sends one request for a token, which is answered by whom it is sent to or by nobody.
    pub(super) async fn send_secret(&self, ask: &Ask<'_>, authorization: Option<HeaderValue>) -> Result<Reply, Fault> {
        self.send(&self.faithful, ask, authorization).await
    }

    async fn send(&self, client: &Client, ask: &Ask<'_>, authorization: Option<HeaderValue>) -> Result<Reply, Fault> {
        let mut request = client.request(ask.method.clone(), ask.url.clone()).header(ACCEPT, ask.accept);
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
                return slow(&place, self.limits.idle);
            }
            Fault::Unreachable { place: place.clone(), reason: reason(error) }
        };
        self.in_time(&place, async {
            // Until the first byte of the answer, the time of what is sent is added.
            let patience = self.limits.idle + sending(ask.body.map_or(0, |(body, _)| body.len()));
            let response = tokio::time::timeout(patience, request.send()).await.map_err(|_| slow(&place, patience))?;
            let response = response.map_err(|error| failed(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            // What a failure says is of no use to anybody, and may be long.
            let body = if status.is_success() {
                Body { response, place: &place, idle: self.limits.idle }.read(ask.most, failed).await?
            } else {
                Vec::new()
            };
            Ok(Reply { status, headers, body })
        })
        .await
    }

    /// Gives up when all time is used.
    async fn in_time<T>(&self, place: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::time::timeout_at(self.deadline, work).await.unwrap_or_else(|_| Err(slow(place, self.limits.total)))
    }
}

/// A body that is still to be read.
struct Body<'a> {
    response: Response,
    place: &'a str,
    /// How long no byte may come.
    idle: Duration,
}

impl Body<'_> {
    /// Reads no more than so many bytes.
    async fn read(mut self, most: u64, failed: impl Fn(&reqwest::Error) -> Fault) -> Result<Vec<u8>, Fault> {
        let too_large = || Fault::TooLarge { place: self.place.to_owned(), limit: most };
        if self.response.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            let chunk = tokio::time::timeout(self.idle, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| slow(self.place, self.idle))?;
            let Some(chunk) = chunk.map_err(|error| failed(&error))? else { return Ok(body) };
            if body.len() as u64 + chunk.len() as u64 > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
}

/// How long so many bytes may take at most: 64 KiB each second.
fn sending(bytes: usize) -> Duration {
    Duration::from_secs(bytes as u64 >> 16)
}

fn slow(place: &str, limit: Duration) -> Fault {
    Fault::Slow { place: place.to_owned(), seconds: limit.as_secs() }
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
fn is_safe(from: &Url, to: &Url) -> bool {
    (from.scheme() == "https" && to.scheme() == "https") || is_same(from, to)
}

fn is_same(from: &Url, to: &Url) -> bool {
    from.origin() == to.origin()
}

fn redirected(attempt: Attempt<'_>, may: fn(&Url, &Url) -> bool) -> Action {
    let allowed = attempt.previous().last().is_some_and(|previous| may(previous, attempt.url()));
    if allowed && attempt.previous().len() <= MOST_REDIRECTS {
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
    // These fail where an address can hold neither.
    shown
        .set_password(None)
        .and_then(|()| shown.set_username(""))
        .map_or_else(|()| url.scheme().to_owned(), |()| shown.to_string())
}

/// The innermost reason.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if std::ptr::addr_eq(inner, error) { "the connection failed".to_owned() } else { inner.to_string().to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_redirect_leads_to_where_it_is_less_safe() {
        for (from, to, safe, same) in [
            ("https://a.example/v2/", "https://a.example/blobs/", true, true),
            ("https://a.example/v2/", "https://b.example/", true, false),
            ("https://a.example/v2/", "https://a.example:444/", true, false),
            ("https://a.example/v2/", "http://a.example/v2/", false, false),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/x", true, true),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/x", false, false),
            ("http://127.0.0.1:5000/v2/", "https://a.example/", false, false),
            ("https://a.example/v2/", "file:///etc/passwd", false, false),
        ] {
            let [from, to] = [from, to].map(|text| Url::parse(text).unwrap());
            assert_eq!((is_safe(&from, &to), is_same(&from, &to)), (safe, same), "{from} {to}");
        }
    }

    #[test]
    fn what_is_secret_in_an_address_is_not_shown() {
        let url = Url::parse("https://user:word@a.example/v2/?token=secret#secret").unwrap();
        assert_eq!(place(&url), "https://a.example/v2/");
    }

    #[test]
    fn a_large_body_has_time_to_be_sent() {
        assert_eq!([0, 65_535, 64 << 20].map(|bytes| sending(bytes).as_secs()), [0, 0, 1024]);
    }
}

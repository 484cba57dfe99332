//! Connections to providers, kept while they may be used again, and requests over them. Not here: what is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kars_contract::Endpoint;
use kars_contract::agent_api::ErrorCode;
use tokio::time::{Instant, timeout};

use crate::dial::Dial;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// Idle connections that are kept for each endpoint: as many as an agent can have to the router.
const IDLE: usize = 256;
/// For how long; providers close them after a minute or more.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Bytes of an unwanted answer that are read rather than its connection closed, and for how long.
const DISCARDED: usize = 64 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

type Sender = SendRequest<Full<Bytes>>;
type Idle = Arc<Mutex<HashMap<Endpoint, Vec<(Sender, Instant)>>>>;

/// Connections to providers. Cloning is cheap.
#[derive(Debug)]
pub struct Upstream<D> {
    dial: Arc<D>,
    idle: Idle,
}

/// An answer whose body has yet to come, and the connection to give back once it has.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub response: Response<Incoming>,
    lease: Lease,
}

/// A connection that is in use.
#[derive(Debug)]
pub struct Lease {
    endpoint: Endpoint,
    sender: Sender,
    idle: Idle,
}

impl<D: Dial> Upstream<D> {
    /// Opens connections with this.
    #[must_use]
    pub fn new(dial: Arc<D>) -> Self {
        Self { dial, idle: Arc::default() }
    }

    /// Sends a request and waits for the head of its answer, for so long.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        generation: &Generation,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<Answered, Refusal> {
        let late = || Refusal::new(ErrorCode::UpstreamTimeout, format!("`{}` does not answer", endpoint.host()));
        timeout(patience, self.ask(endpoint, generation, request)).await.map_err(|_| late())?
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        generation: &Generation,
        request: Request<Full<Bytes>>,
    ) -> Result<Answered, Refusal> {
        let broken = |error: &hyper::Error| {
            tracing::warn!(host = endpoint.host(), %error, "a provider broke the connection");
            Refusal::new(ErrorCode::UpstreamFailed, format!("`{}` broke the connection", endpoint.host()))
        };
        // A connection that was closed meanwhile has not sent anything yet, so asking again over a new one is safe.
        while let Some(mut lease) = self.take(endpoint) {
            match lease.sender.try_send_request(request.clone()).await {
                Ok(response) => return Ok(Answered { response, lease }),
                Err(mut error) => {
                    if error.take_message().is_none() {
                        return Err(broken(error.error()));
                    }
                }
            }
        }
        let stream = self.dial.dial(endpoint, generation).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a provider ended");
            }
        });
        let mut lease = Lease { endpoint: endpoint.clone(), sender, idle: Arc::clone(&self.idle) };
        let response = lease.sender.send_request(request).await.map_err(|error| broken(&error))?;
        Ok(Answered { response, lease })
    }

    fn take(&self, endpoint: &Endpoint) -> Option<Lease> {
        let mut idle = locked(&self.idle);
        let kept = idle.get_mut(endpoint)?;
        kept.retain(|(sender, since)| since.elapsed() < IDLE_TIME && !sender.is_closed());
        // One that was given back just now may not be ready yet.
        let ready = kept.iter().rposition(|(sender, _)| sender.is_ready())?;
        let (sender, _) = kept.remove(ready);
        Some(Lease { endpoint: endpoint.clone(), sender, idle: Arc::clone(&self.idle) })
    }
}

impl Answered {
    /// The answer, and the connection apart from it.
    #[must_use]
    pub fn split(self) -> (Response<Incoming>, Lease) {
        (self.response, self.lease)
    }

    /// Reads what is left of a short answer that nobody wants, so that its connection can be used again.
    pub fn discard(self) {
        let (response, lease) = self.split();
        tokio::spawn(async move {
            let rest = Limited::new(response.into_body(), DISCARDED).collect();
            if matches!(timeout(DISCARD_TIME, rest).await, Ok(Ok(_))) {
                lease.give_back();
            }
        });
    }
}

impl Lease {
    /// Gives the connection back, once the whole body has come.
    pub fn give_back(self) {
        let mut idle = locked(&self.idle);
        let kept = idle.entry(self.endpoint).or_default();
        if kept.len() < IDLE {
            kept.push((self.sender, Instant::now()));
        }
    }
}

/// For how long a service asks to be left alone: seconds, or a date.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    text.parse().ok().map(Duration::from_secs).or_else(until)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read(" 17 "), Some(Duration::from_secs(17)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!(read(&date).is_some_and(|wait| (60..=90).contains(&wait.as_secs())), "{date}");
        for text in ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}

//! Connections to providers, kept while they may be used again, and requests over them. Not here: what is asked.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::{Request, Response};
use kars_contract::Endpoint;
use kars_contract::agent_api::ErrorCode;
use tokio::time::{Instant, sleep, timeout};

use super::wire::Wire;
use crate::dial::Dial;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// Idle connections that are kept for each endpoint: as many as an agent can have to the router.
const IDLE: usize = 256;
/// For how long; providers close them after a minute or more.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// How often those are dropped whose time is over, or that the other end has closed.
const SWEEP: Duration = Duration::from_secs(5);

/// Bytes of an unwanted answer that are read rather than its connection closed, and for how long.
const DISCARDED: usize = 64 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

type Idle = Mutex<BTreeMap<Endpoint, Vec<(Wire, Instant)>>>;

/// Connections to providers. Cloning is cheap.
#[derive(Debug)]
pub struct Upstream<D> {
    dial: Arc<D>,
    idle: Arc<Idle>,
}

/// The body of an answer, and the connection that brings it. Where it is dropped before its end, the connection is closed.
#[derive(Debug)]
pub struct Coming {
    body: Incoming,
    lease: Lease,
}

/// A connection that is in use.
#[derive(Debug)]
struct Lease {
    endpoint: Endpoint,
    wire: Wire,
    idle: Arc<Idle>,
}

impl<D: Dial> Upstream<D> {
    /// Opens connections with this, within a runtime of tokio.
    #[must_use]
    pub fn new(dial: Arc<D>) -> Self {
        let idle = Arc::<Idle>::default();
        tokio::spawn(sweep(Arc::downgrade(&idle)));
        Self { dial, idle }
    }

    /// Sends a request and waits for the head of its answer, for so long. The answer is on the heap, as it passes through many hands.
    pub async fn send(
        &self,
        endpoint: &Endpoint,
        generation: &Generation,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<Box<Response<Coming>>, Refusal> {
        let late = || Refusal::new(ErrorCode::UpstreamTimeout, format!("`{}` does not answer", endpoint.host()));
        let mut request = Some(request);
        let asking = pin!(self.ask(endpoint, generation, &mut request));
        timeout(patience, asking).await.map_err(|_| late())?
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        generation: &Generation,
        request: &mut Option<Request<Full<Bytes>>>,
    ) -> Result<Box<Response<Coming>>, Refusal> {
        let broken = |error: hyper::Error| {
            tracing::warn!(host = endpoint.host(), %error, "a provider broke the connection");
            Refusal::new(ErrorCode::UpstreamFailed, format!("`{}` broke the connection", endpoint.host()))
        };
        let lease = |wire| Lease { endpoint: endpoint.clone(), wire, idle: Arc::clone(&self.idle) };
        // A connection that was closed meanwhile has not sent anything yet, so asking again over a new one is safe.
        while let Some(mut wire) = self.take(endpoint) {
            match wire.send(request).await {
                Ok(response) => return Ok(Box::new(response.map(|body| Coming { body, lease: lease(wire) }))),
                Err(error) if request.is_none() => return Err(broken(error)),
                Err(_) => (),
            }
        }
        // On the heap, as it is large and rare: every request would carry the room for it.
        let stream = Box::pin(self.dial.dial(endpoint, generation)).await?;
        let mut wire = Box::pin(Wire::over(stream)).await.map_err(broken)?;
        let response = wire.send(request).await.map_err(broken)?;
        Ok(Box::new(response.map(|body| Coming { body, lease: lease(wire) })))
    }

    fn take(&self, endpoint: &Endpoint) -> Option<Wire> {
        let mut idle = locked(&self.idle);
        let kept = idle.get_mut(endpoint)?;
        while let Some((mut wire, since)) = kept.pop() {
            if since.elapsed() < IDLE_TIME && wire.is_ready() {
                return Some(wire);
            }
        }
        None
    }
}

/// Closes what is kept in vain, as long as somebody keeps anything.
async fn sweep(idle: Weak<Idle>) {
    loop {
        sleep(SWEEP).await;
        let Some(idle) = idle.upgrade() else { return };
        locked(&idle).retain(|_, kept| {
            kept.retain_mut(|(wire, since)| since.elapsed() < IDLE_TIME && wire.is_ready());
            !kept.is_empty()
        });
    }
}

impl Coming {
    /// Gives the connection back, once the whole body has come.
    pub fn give_back(self) {
        let Lease { endpoint, wire, idle } = self.lease;
        wire.rest();
        let mut idle = locked(&idle);
        let kept = idle.entry(endpoint).or_default();
        if kept.len() < IDLE {
            kept.push((wire, Instant::now()));
        }
    }

    /// Reads what is left of a short answer that nobody wants, so that its connection can be used again.
    pub fn discard(mut self) {
        tokio::spawn(async move {
            let rest = Limited::new(&mut self, DISCARDED).collect();
            if matches!(timeout(DISCARD_TIME, rest).await, Ok(Ok(_))) {
                self.give_back();
            }
        });
    }

    /// Has whoever waits for the body look again.
    pub fn wake(&self) {
        self.lease.wire.wake();
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, lease } = &mut *self;
        lease.wire.poll_frame(body, context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;
    use crate::dial::Connection;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// A provider that answers every request with these bytes, over connections that it closes after so many, or so much time
    /// without any.
    struct Scripted {
        answer: &'static [u8],
        requests: usize,
        patience: Duration,
        dialed: AtomicUsize,
        open: Arc<AtomicUsize>,
    }

    impl Dial for Scripted {
        async fn dial(&self, _: &Endpoint, _: &Generation) -> Result<Box<dyn Connection>, Refusal> {
            let (near, far) = duplex(4096);
            self.dialed.fetch_add(1, Ordering::SeqCst);
            self.open.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(far, self.answer, self.requests, self.patience, Arc::clone(&self.open)));
            Ok(Box::new(near))
        }
    }

    async fn serve(
        mut stream: DuplexStream,
        answer: &[u8],
        requests: usize,
        patience: Duration,
        open: Arc<AtomicUsize>,
    ) {
        for _ in 0..requests {
            let mut head = [0; 1024];
            let read = timeout(patience, stream.read(&mut head)).await;
            if !matches!(read, Ok(Ok(1..))) || stream.write_all(answer).await.is_err() {
                break;
            }
        }
        open.fetch_sub(1, Ordering::SeqCst);
    }

    struct Tried {
        upstream: Upstream<Scripted>,
        generation: Generation,
    }

    impl Tried {
        fn new(answer: &'static [u8], requests: usize, patience: Duration) -> Self {
            let scripted = Scripted { answer, requests, patience, dialed: AtomicUsize::new(0), open: Arc::default() };
            Self { upstream: Upstream::new(Arc::new(scripted)), generation: Generation::example() }
        }

        async fn ask(&self) -> Box<Response<Coming>> {
            let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
            let patience = Duration::from_secs(5);
            self.upstream.send(&endpoint, &self.generation, Request::default(), patience).await.unwrap()
        }

        async fn whole(&self) {
            let mut body = self.ask().await.into_body();
            assert_eq!((&mut body).collect().await.unwrap().to_bytes(), "ok");
            body.give_back();
        }

        fn dialed(&self) -> usize {
            self.upstream.dial.dialed.load(Ordering::SeqCst)
        }

        /// Connections that the provider has open, once everybody has done what can be done.
        async fn open(&self) -> usize {
            sleep(Duration::from_millis(1)).await;
            self.upstream.dial.open.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_used_again_and_one_that_was_closed_is_not() {
        let kept = Tried::new(ANSWER, 10, IDLE_TIME * 2);
        for _ in 0..5 {
            kept.whole().await;
        }
        assert_eq!((kept.dialed(), kept.open().await), (1, 1));
        let closed = Tried::new(ANSWER, 1, IDLE_TIME);
        for _ in 0..5 {
            closed.whole().await;
            assert_eq!(closed.open().await, 0);
        }
        assert_eq!(closed.dialed(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_unasked_is_no_answer_to_the_next_request() {
        let tried = Tried::new(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", 10, IDLE_TIME);
        for _ in 0..3 {
            tried.whole().await;
        }
        assert_eq!(tried.dialed(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_closed_once_nobody_wants_it() {
        let tried = Tried::new(ANSWER, 10, IDLE_TIME * 2);
        tried.whole().await;
        assert_eq!(tried.open().await, 1);
        advance(IDLE_TIME).await;
        sleep(SWEEP).await;
        assert_eq!(tried.open().await, 0, "its time is over");
        drop(tried.ask().await);
        assert_eq!(tried.open().await, 0, "the client has left");
        tried.ask().await.into_body().discard();
        assert_eq!(tried.open().await, 1, "a short answer is read to its end");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_provider_closes_does_not_stay() {
        let tried = Tried::new(ANSWER, 10, SWEEP / 2);
        tried.whole().await;
        assert_eq!(locked(&tried.upstream.idle).values().map(Vec::len).sum::<usize>(), 1);
        sleep(SWEEP * 2).await;
        assert_eq!(locked(&tried.upstream.idle).len(), 0);
    }

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

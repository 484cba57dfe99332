//! A connection of HTTP/1.1 that moves only while somebody waits on it. It has no task of its own, so that nothing is handed from
//! task to task on its way: to be woken costs more than most of what is done with an event.
//!
//! Not here: which connections are kept (`upstream`).

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::dial;

/// How often the connection moves within one turn of a task, where it could move further; then others have theirs.
const ROUNDS: usize = 4;

type Http = Connection<TokioIo<Box<dyn dial::Connection>>, Full<Bytes>>;
type Sent = Request<Full<Bytes>>;

/// A connection.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    carrier: Carrier,
}

/// What reads and writes.
struct Carrier {
    /// None once it has ended.
    connection: Option<Pin<Box<Http>>>,
    relay: Arc<Relay>,
    waker: Waker,
}

/// Wakes whoever waits, but not while it is looking anyway.
struct Relay {
    state: AtomicU8,
    task: AtomicWaker,
}

/// Nobody looks, and nothing has happened since somebody did: whoever waits must be woken.
const ASLEEP: u8 = 0;
/// Somebody looks.
const LOOKING: u8 = 1;
/// Something has happened since somebody began to look.
const WOKEN: u8 = 2;

impl Wire {
    /// A connection over this stream.
    pub(super) async fn over(stream: Box<dyn dial::Connection>) -> hyper::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let relay = Arc::new(Relay { state: AtomicU8::new(WOKEN), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&relay));
        Ok(Self { sender, carrier: Carrier { connection: Some(Box::pin(connection)), relay, waker } })
    }

    /// Takes a request, sends it, and waits for the head of its answer. After an error the request is there again where nothing of
    /// it was sent.
    pub(super) async fn send(&mut self, request: &mut Option<Sent>) -> hyper::Result<Response<Incoming>> {
        let taken = request.take().expect("a request is sent once");
        let mut sent = pin!(self.sender.try_send_request(taken));
        self.carrier.relay.state.store(WOKEN, Ordering::SeqCst);
        let answered = poll_fn(|context| self.carrier.carry(context, |context| sent.as_mut().poll(context))).await;
        answered.map_err(|mut error| {
            *request = error.take_message();
            error.into_error()
        })
    }

    /// The next frame of an answer that came over this connection.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        self.carrier.carry(context, |context| Pin::new(&mut *body).poll_frame(context))
    }

    /// Whether another request may be sent: the last answer is complete, and the other end has not hung up.
    pub(super) fn is_ready(&mut self) -> bool {
        self.carrier.look();
        self.sender.is_ready()
    }

    /// Nobody waits any more.
    pub(super) fn rest(&self) {
        drop(self.carrier.relay.task.take());
    }

    /// Has whoever waits look again.
    pub(super) fn wake(&self) {
        self.carrier.relay.task.wake();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl Carrier {
    /// Moves until what is wanted has come, or nothing moves. Another thing may be wanted only once this has come.
    fn carry<T>(&mut self, context: &mut Context<'_>, mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.relay.task.register(context.waker());
        if self.relay.state.load(Ordering::SeqCst) == ASLEEP {
            return Poll::Pending;
        }
        for _ in 0..ROUNDS {
            self.relay.state.store(LOOKING, Ordering::SeqCst);
            // What has come is taken before more is looked for, so there is nothing to take before that.
            self.look();
            if let Poll::Ready(came) = wanted(&mut Context::from_waker(&self.waker)) {
                return Poll::Ready(came);
            }
            if self.relay.state.compare_exchange(LOOKING, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return Poll::Pending;
            }
        }
        self.relay.state.store(WOKEN, Ordering::SeqCst);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads and writes what can be.
    fn look(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if let Poll::Ready(ended) = connection.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to a provider ended");
            }
            self.connection = None;
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::SeqCst) == ASLEEP {
            self.task.wake();
        }
    }
}

//! The bodies of a forwarded request and of its answer, as long as they may last. Not here: tunnels, which watch themselves.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::gate::{Gate, Passage};
use crate::metrics::{Ceiling, Direction};

/// How often a body is asked whether it may go on.
const TICK: Duration = Duration::from_secs(2);

/// When something has moved last. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    began: Instant,
    /// Milliseconds after the beginning.
    last: Arc<AtomicU64>,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: Arc::default() }
    }

    pub(super) fn beat(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn still(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Completes once nothing has moved for so long.
    pub(super) async fn stopped(&self, longest: Duration) {
        loop {
            match longest.checked_sub(self.still()) {
                None | Some(Duration::ZERO) => return,
                Some(left) => sleep(left).await,
            }
        }
    }
}

/// Counts what passes, and ends when nothing does or when the policy changes.
pub(super) struct Watched {
    body: Incoming,
    direction: Direction,
    gate: Gate,
    passage: Passage,
    pulse: Pulse,
    tick: Pin<Box<Sleep>>,
}

impl Watched {
    pub(super) fn new(body: Incoming, direction: Direction, gate: Gate, passage: Passage, pulse: Pulse) -> Self {
        Self { body, direction, gate, passage, pulse, tick: Box::pin(sleep(TICK)) }
    }

    /// Why the body must end, if it must.
    fn ended(&self) -> Option<&'static str> {
        let idle = Duration::from_secs(self.passage.limits().tunnel_idle_seconds);
        if self.pulse.still() >= idle {
            self.gate.metrics().reached(Ceiling::Idle);
            return Some("nothing has come for too long");
        }
        (!self.passage.holds(self.gate.current())).then_some("it is no longer allowed")
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.tick.as_mut().poll(context).is_ready() {
            if let Some(problem) = self.ended() {
                return Poll::Ready(Some(Err(problem.into())));
            }
            self.tick.as_mut().reset(Instant::now() + TICK);
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.pulse.beat();
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.gate.metrics().moved(self.direction, u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! An answer that streams: every event is judged, bytes pass as they came, and where they end early the client is told why.
//!
//! It moves while the client's connection takes it. Not here: who was asked.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Safety;
use tokio::time::{Instant, Sleep, sleep};

use super::line::Line;
use super::{Passing, silent, too_large};
use crate::credentials::Redactor;
use crate::inference::api::Api;
use crate::inference::budget::Reservation;
use crate::inference::observed::Observed;
use crate::inference::translate::Stream;
use crate::inference::upstream::Coming;
use crate::inference::usage::Follower;
use crate::inference::{errors, safety};
use crate::metrics::Asked;
use crate::refusal::Refusal;

/// Bytes of a stream that are gathered before they go out.
const GATHERED: usize = 64 * 1024;

/// A stream on its way.
pub(super) struct Flow {
    line: Line,
    follower: Option<Follower>,
    redactor: Redactor,
    reservation: Option<Reservation>,
    /// How it is told to a client of another API.
    told: Option<Stream>,
    api: Api,
    floor: Safety,
    left: usize,
    most: usize,
    quiet: Quiet,
    observed: Option<Observed>,
    ended: bool,
}

/// What goes out next. Many small writes cost more than all the rest, so whatever is there goes out together.
#[derive(Default)]
struct Gathered {
    /// A first piece, as it came.
    first: Bytes,
    /// All pieces, once there is more than one.
    all: Vec<u8>,
}

/// How long nothing has come.
struct Quiet {
    longest: Duration,
    /// Since when somebody waits.
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Flow {
    pub(super) fn of(passing: Passing, body: Coming, observed: Observed) -> Self {
        let Passing { api, client, streamed: _, floor, secret, reservation, most, idle, revoked } = passing;
        Self {
            line: Line::of(body, revoked),
            follower: Some(Follower::of(api)),
            redactor: Redactor::new(secret),
            reservation: Some(reservation),
            told: (client != api).then(|| Stream::to(client)),
            api,
            floor,
            left: most,
            most,
            quiet: Quiet { longest: idle, since: None, timer: Box::pin(sleep(idle)) },
            observed: Some(observed),
            ended: false,
        }
    }

    /// The next bytes for the client; none only at the end.
    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        let mut gathered = Gathered::default();
        while !self.ended && gathered.len() < GATHERED {
            let passed = match self.poll_came(context) {
                Poll::Ready(Ok(Some(bytes))) => self.pass(bytes, &mut gathered),
                Poll::Ready(Ok(None)) => {
                    self.end(&mut gathered);
                    Ok(())
                }
                Poll::Ready(Err(refusal)) => Err(refusal),
                Poll::Pending if gathered.len() > 0 => break,
                Poll::Pending => Err(ready!(self.quiet.poll(context))),
            };
            if let Err(refusal) = passed {
                gathered.add(&self.broken(&refusal));
            }
        }
        Poll::Ready(gathered.into())
    }

    /// What comes next; nothing more at its end.
    fn poll_came(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Refusal>> {
        let came = ready!(self.line.poll_frame(context));
        self.quiet.since = None;
        Poll::Ready(match came? {
            // Trailers say nothing that a client of events reads.
            Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
            // What breaks after the last event takes nothing from anybody.
            Some(Err(_)) if !self.follower.as_ref().is_some_and(Follower::has_finished) => {
                Err(Refusal::new(ErrorCode::UpstreamFailed, "the provider broke its answer off"))
            }
            Some(Err(_)) | None => Ok(None),
        })
    }

    /// Gathers what of the next bytes may pass.
    fn pass(&mut self, bytes: Bytes, gathered: &mut Gathered) -> Result<(), Refusal> {
        if let Some(observed) = self.observed.as_mut().filter(|_| !bytes.is_empty()) {
            observed.streamed();
        }
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| too_large(self.most))?;
        let (mut verdict, floor) = (Ok(()), self.floor);
        if let Some(follower) = &mut self.follower {
            follower.feed(&bytes, |said| {
                if verdict.is_ok() {
                    verdict = safety::judge(said, &floor);
                }
            });
        }
        verdict?;
        match self.redactor.feed(&bytes) {
            Some(passes) => self.tell(&passes, gathered),
            None if self.told.is_some() => self.tell(&bytes, gathered),
            None => {
                gathered.push(bytes);
                Ok(())
            }
        }
    }

    /// Gathers bytes as the client's API has them; where they end in a failure, what was told until then.
    fn tell(&mut self, bytes: &[u8], gathered: &mut Gathered) -> Result<(), Refusal> {
        if let Some(told) = &mut self.told {
            return told.feed(bytes, &mut gathered.all);
        }
        gathered.add(bytes);
        Ok(())
    }

    /// The provider has sent all it will. Where that is not what its API ends with, the client is told.
    fn end(&mut self, gathered: &mut Gathered) {
        self.ended = true;
        let finished = self.settle();
        self.line.give_back();
        let held = self.redactor.end();
        let told = self.tell(&held, gathered);
        let early = || Refusal::new(ErrorCode::UpstreamFailed, "the provider ended its answer before it was complete");
        let ended = told.and_then(|()| finished.then_some(()).ok_or_else(early));
        if let Err(refusal) = &ended {
            gathered.add(&errors::event(self.api.family(), refusal));
        }
        if let Some(observed) = self.observed.take() {
            match &ended {
                Ok(()) => observed.ended(Asked::Answered),
                Err(refusal) => observed.refused(refusal),
            }
        }
    }

    /// The answer cannot go on: the client is told, and the provider hung up on.
    fn broken(&mut self, refusal: &Refusal) -> Vec<u8> {
        self.ended = true;
        self.settle();
        self.line.hang_up();
        if let Some(observed) = self.observed.take() {
            observed.refused(refusal);
        }
        tracing::warn!(api = self.api.as_str(), code = refusal.code().as_str(), "an answer was broken off");
        // An event may be under way; an empty line ends it.
        [b"\n\n".to_vec(), errors::event(self.api.family(), refusal)].concat()
    }

    /// Counts what the answer cost. What it did not say is taken from what was set aside.
    fn settle(&mut self) -> bool {
        let Some(followed) = self.follower.take().map(Follower::end) else { return true };
        if let Some(observed) = &mut self.observed {
            observed.redacted(self.redactor.has_found());
            followed.usage.into_iter().for_each(|usage| observed.used(usage));
        }
        if let (Some(reservation), Some(usage)) = (self.reservation.take(), followed.usage) {
            reservation.settle(usage.total());
        }
        followed.finished
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = ready!(self.poll_gathered(context));
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for Flow {
    /// A client that leaves once the last event has come has had its answer: it need not wait for the provider to hang up. One that
    /// leaves before pays all that was set aside.
    fn drop(&mut self) {
        if self.follower.as_ref().is_some_and(Follower::has_finished) {
            self.settle();
            if let Some(observed) = self.observed.take() {
                observed.ended(Asked::Answered);
            }
        }
    }
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn push(&mut self, bytes: Bytes) {
        if self.len() == 0 {
            self.first = bytes;
        } else {
            self.add(&bytes);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if !self.first.is_empty() {
            self.all.reserve(self.first.len() + bytes.len());
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(bytes);
    }
}

impl From<Gathered> for Bytes {
    fn from(Gathered { first, all }: Gathered) -> Self {
        if all.is_empty() { first } else { all.into() }
    }
}

impl Quiet {
    /// Completes once it is too long, with what the client is told.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        loop {
            // The timer is set anew only where it has gone off too early, and not for every event.
            let now = Instant::now();
            let until = *self.since.get_or_insert(now) + self.longest;
            if now >= until {
                return Poll::Ready(silent(self.longest));
            }
            ready!(self.timer.as_mut().poll(context));
            self.timer.as_mut().reset(until);
        }
    }
}

//! An answer on its way to the client: counted, judged, without the router's own secret, and never ended in silence.
//!
//! Not here: asking, and which candidate answered.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Safety;
use kars_kit::http::{Body, full};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

use super::api::Api;
use super::budget::Reservation;
use super::errors;
use super::headers::answered;
use super::observed::Observed;
use super::safety;
use super::translate::{self, Stream};
use super::upstream::Lease;
use super::usage::{Follower, of_answer};
use crate::credentials::{Redactor, Secret};
use crate::gate::Revoked;
use crate::metrics::Asked;
use crate::refusal::Refusal;

const EVENTS: &str = "text/event-stream";
/// Bytes of a stream that are gathered before they go out.
const GATHERED: usize = 64 * 1024;

/// What is needed to let an answer pass.
#[derive(Debug)]
pub struct Passing {
    /// The API that was asked.
    pub api: Api,
    /// The API that the client speaks.
    pub client: Api,
    /// Whether the client wants a stream.
    pub streamed: bool,
    /// The floor of the model.
    pub floor: Safety,
    /// What was shown to the provider, which it may show again.
    pub secret: Secret,
    /// The tokens that were set aside.
    pub reservation: Reservation,
    /// Bytes of an answer.
    pub most: usize,
    /// How long nothing may come.
    pub idle: Duration,
    /// When the model may no longer be asked.
    pub revoked: Revoked,
}

impl Passing {
    /// Passes an answer on: piece by piece where it is a stream, otherwise whole.
    pub async fn pass(self, response: Response<Incoming>, lease: Lease, mut observed: Observed) -> Response<Body> {
        let (head, body) = response.into_parts();
        let mut answer = Response::new(full(Bytes::new()));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = answered(&head.headers);
        let is_stream = head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with(EVENTS));
        let (family, status, client) = (self.client.family(), head.status, self.client);
        let is_told = self.client != self.api && status.is_success();
        if is_told && is_stream != self.streamed {
            let message = "the provider answers in another form than it was asked for";
            let refusal = Refusal::new(ErrorCode::UpstreamFailed, message);
            observed.refused(&refusal);
            return errors::response(family, refusal);
        }
        if is_stream && status.is_success() {
            *answer.body_mut() = self.stream(body, lease, observed);
            return answer;
        }
        let whole = self.whole(body, lease, status, &mut observed).await;
        match whole.and_then(|bytes| if is_told { translate::answer(client, &bytes) } else { Ok(bytes) }) {
            Ok(bytes) => {
                observed.ended(outcome(status));
                *answer.body_mut() = full(bytes);
                answer
            }
            Err(refusal) => {
                observed.refused(&refusal);
                errors::response(family, refusal)
            }
        }
    }

    /// Takes the whole answer.
    pub(super) async fn whole(
        mut self,
        body: Incoming,
        lease: Lease,
        status: StatusCode,
        observed: &mut Observed,
    ) -> Result<Bytes, Refusal> {
        let collected = tokio::select! {
            collected = timeout(self.idle, Limited::new(body, self.most).collect()) => collected,
            refusal = self.revoked.wait() => return Err(refusal),
        };
        let bytes = match collected {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(self.most)),
            Ok(Err(_)) => return Err(Refusal::new(ErrorCode::UpstreamFailed, "the provider broke its answer off")),
            Err(_) => return Err(silent(self.idle)),
        };
        lease.give_back();
        if status.is_success() {
            if let Some(usage) = of_answer(self.api, &bytes) {
                observed.used(usage);
                self.reservation.settle(usage.total());
            }
        } else {
            // What the provider refused it does not charge for.
            self.reservation.settle(0);
        }
        safety::judge(&bytes, &self.floor)?;
        let mut redactor = Redactor::new(self.secret);
        let passes = redactor.whole(bytes);
        observed.redacted(redactor.has_found());
        Ok(passes)
    }

    fn stream(self, body: Incoming, lease: Lease, observed: Observed) -> Body {
        let flow = Flow {
            body,
            lease: Some(lease),
            follower: Some(Follower::default()),
            redactor: Redactor::new(self.secret),
            reservation: Some(self.reservation),
            told: (self.client != self.api).then(|| Stream::to(self.client)),
            api: self.api,
            revoked: self.revoked,
            floor: self.floor,
            left: self.most,
            most: self.most,
            idle: self.idle,
            observed: Some(observed),
            ended: false,
        };
        let (sender, receiver) = channel(1);
        // A task of its own is asked again only once the connection's task has run; within the client's it would not be.
        let task = tokio::spawn(flow.run(sender));
        let frames = stream::unfold((receiver, task), |(mut receiver, task)| async move {
            let Some(bytes) = receiver.recv().await else {
                // What ends in a panic must not look complete.
                task.await.expect("a stream ends or is broken off");
                return None;
            };
            Some((Ok::<_, Infallible>(Frame::data(bytes)), (receiver, task)))
        });
        StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync()
    }
}

/// A stream on its way.
struct Flow {
    body: Incoming,
    lease: Option<Lease>,
    follower: Option<Follower>,
    redactor: Redactor,
    reservation: Option<Reservation>,
    /// How it is told to a client of another API.
    told: Option<Stream>,
    api: Api,
    revoked: Revoked,
    floor: Safety,
    left: usize,
    most: usize,
    idle: Duration,
    observed: Option<Observed>,
    ended: bool,
}

/// What came next of a stream.
enum Came {
    Bytes(Bytes),
    /// All that will.
    End,
    /// Why no more may.
    Broken(Refusal),
    /// Nothing, for now.
    Nothing,
}

impl Flow {
    /// Lets everything pass, as long as there is a client and it is allowed.
    async fn run(mut self, client: Sender<Bytes>) {
        while !self.ended {
            let room = tokio::select! {
                biased;
                room = client.reserve() => room,
                refusal = self.revoked.wait() => {
                    let last = self.broken(&refusal);
                    // The provider is hung up on now, whenever a slow client comes to read why.
                    drop(self);
                    if client.send(last).await.is_err() {
                        tracing::debug!("a client was gone before it was told why its answer ended");
                    }
                    return;
                }
            };
            let Ok(room) = room else { return };
            let bytes = tokio::select! {
                biased;
                bytes = self.next() => bytes,
                () = client.closed() => return,
            };
            if !bytes.is_empty() {
                room.send(bytes);
            }
        }
    }

    /// The next bytes for the client; none only at the end. Whatever has come by then goes out together: many small writes cost
    /// more than all the rest.
    async fn next(&mut self) -> Bytes {
        let mut gathered = Vec::new();
        while !self.ended && gathered.len() < GATHERED {
            let passed = match self.came(gathered.is_empty()).await {
                Came::Bytes(bytes) => self.pass(&bytes, &mut gathered),
                Came::End => {
                    self.end(&mut gathered);
                    Ok(())
                }
                Came::Broken(refusal) => Err(refusal),
                Came::Nothing => break,
            };
            if let Err(refusal) = passed {
                gathered.extend_from_slice(&self.broken(&refusal));
            }
        }
        gathered.into()
    }

    /// What comes next: waited for, or only if it is at hand.
    async fn came(&mut self, waits: bool) -> Came {
        let next = async {
            if waits {
                timeout(self.idle, self.body.frame()).await.map(Some)
            } else {
                Ok(at_hand(&mut self.body).await)
            }
        };
        let frame = tokio::select! {
            biased;
            refusal = self.revoked.wait() => return Came::Broken(refusal),
            frame = next => frame,
        };
        match frame {
            Err(_) => Came::Broken(silent(self.idle)),
            Ok(None) => Came::Nothing,
            Ok(Some(None)) => Came::End,
            // What breaks after the last event takes nothing from anybody.
            Ok(Some(Some(Err(_)))) if self.follower.as_ref().is_some_and(Follower::has_finished) => Came::End,
            Ok(Some(Some(Err(_)))) => {
                Came::Broken(Refusal::new(ErrorCode::UpstreamFailed, "the provider broke its answer off"))
            }
            // Trailers say nothing that a client of events reads.
            Ok(Some(Some(Ok(frame)))) => Came::Bytes(frame.into_data().unwrap_or_default()),
        }
    }

    /// Gathers what of the next bytes may pass.
    fn pass(&mut self, bytes: &[u8], gathered: &mut Vec<u8>) -> Result<(), Refusal> {
        if let Some(observed) = self.observed.as_mut().filter(|_| !bytes.is_empty()) {
            observed.streamed();
        }
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| too_large(self.most))?;
        let (mut verdict, floor) = (Ok(()), self.floor);
        if let Some(follower) = &mut self.follower {
            follower.feed(bytes, |event| {
                if verdict.is_ok() {
                    verdict = safety::judge(event, &floor);
                }
            });
        }
        verdict?;
        match self.redactor.feed(bytes) {
            None => self.tell(bytes, gathered),
            Some(passes) => self.tell(&passes, gathered),
        }
    }

    /// Gathers bytes as the client's API has them; where they end in a failure, what was told until then.
    fn tell(&mut self, bytes: &[u8], gathered: &mut Vec<u8>) -> Result<(), Refusal> {
        if let Some(told) = &mut self.told {
            return told.feed(bytes, gathered);
        }
        gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// The provider has sent all it will. Where that is not what its API ends with, the client is told.
    fn end(&mut self, gathered: &mut Vec<u8>) {
        self.ended = true;
        let finished = self.settle();
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        let held = self.redactor.end();
        let early = || Refusal::new(ErrorCode::UpstreamFailed, "the provider ended its answer before it was complete");
        let ended = self.tell(&held, gathered).and_then(|()| finished.then_some(()).ok_or_else(early));
        if let Err(refusal) = &ended {
            gathered.extend_from_slice(&errors::event(self.api.family(), refusal));
        }
        if let Some(observed) = self.observed.take() {
            match &ended {
                Ok(()) => observed.ended(Asked::Answered),
                Err(refusal) => observed.refused(refusal),
            }
        }
    }

    /// The answer cannot go on: the client is told, and the provider hung up on.
    fn broken(&mut self, refusal: &Refusal) -> Bytes {
        self.ended = true;
        self.settle();
        if let Some(observed) = self.observed.take() {
            observed.refused(refusal);
        }
        tracing::warn!(api = self.api.as_str(), code = refusal.code().as_str(), "an answer was broken off");
        // An event may be under way; an empty line ends it.
        [b"\n\n".to_vec(), errors::event(self.api.family(), refusal)].concat().into()
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

pub(super) fn outcome(status: StatusCode) -> Asked {
    match status {
        status if status.is_success() => Asked::Answered,
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => Asked::Rejected,
        _ => Asked::Failed,
    }
}

/// What comes next, if it has come already: the task of the connection has one turn to hand it over.
async fn at_hand(body: &mut Incoming) -> Option<Option<Result<Frame<Bytes>, hyper::Error>>> {
    let mut has_waited = false;
    poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
        Poll::Ready(came) => Poll::Ready(Some(came)),
        Poll::Pending if has_waited => Poll::Ready(None),
        Poll::Pending => {
            has_waited = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the answer has more than {most} bytes"))
}

fn silent(idle: Duration) -> Refusal {
    Refusal::new(ErrorCode::UpstreamTimeout, format!("the provider has sent nothing for {} s", idle.as_secs()))
}

#[cfg(test)]
mod tests;

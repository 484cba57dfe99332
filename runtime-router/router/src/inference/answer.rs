//! An answer on its way to the client: counted, judged, without the router's own secret, and never ended in silence.
//!
//! Not here: asking, and which candidate answered.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Safety;
use kars_kit::http::{Body, full};
use tokio::time::timeout;

use super::api::Api;
use super::budget::Reservation;
use super::errors;
use super::headers::answered;
use super::observed::Observed;
use super::safety;
use super::sse::Events;
use super::translate::{self, Stream};
use super::upstream::Lease;
use super::usage::{Follower, of_answer};
use crate::credentials::{Redactor, Secret};
use crate::gate::Revoked;
use crate::metrics::Asked;
use crate::refusal::Refusal;

const EVENTS: &str = "text/event-stream";

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
            events: Events::default(),
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
        let frames = stream::unfold(flow, |mut flow| async move {
            let bytes = flow.next().await?;
            Some((Ok::<_, Infallible>(Frame::data(bytes)), flow))
        });
        StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync()
    }
}

/// A stream on its way.
struct Flow {
    body: Incoming,
    lease: Option<Lease>,
    follower: Option<Follower>,
    events: Events,
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

impl Flow {
    /// The next bytes for the client; none once it has all.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended {
            let frame = tokio::select! {
                frame = timeout(self.idle, self.body.frame()) => frame,
                refusal = self.revoked.wait() => return Some(self.broken(&refusal)),
            };
            let frame = match frame {
                Err(_) => return Some(self.broken(&silent(self.idle))),
                Ok(None) => return self.end(),
                // What breaks after the last event takes nothing from anybody.
                Ok(Some(Err(_))) if self.follower.as_ref().is_some_and(Follower::has_finished) => return self.end(),
                Ok(Some(Err(_))) => {
                    return Some(
                        self.broken(&Refusal::new(ErrorCode::UpstreamFailed, "the provider broke its answer off")),
                    );
                }
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing that a client of events reads.
            let Ok(bytes) = frame.into_data() else { continue };
            if let Some(observed) = &mut self.observed {
                observed.streamed();
            }
            let Some(left) = self.left.checked_sub(bytes.len()) else {
                return Some(self.broken(&too_large(self.most)));
            };
            self.left = left;
            if let Err(refusal) = self.judge(&bytes) {
                return Some(self.broken(&refusal));
            }
            if let Some(follower) = &mut self.follower {
                follower.feed(&bytes);
            }
            let passes = match self.redactor.feed(&bytes) {
                None => bytes,
                Some(passes) => passes.into(),
            };
            let passes = match self.tell(passes) {
                Ok(passes) => passes,
                Err((mut told, refusal)) => {
                    told.extend_from_slice(&self.broken(&refusal));
                    return Some(told.into());
                }
            };
            if !passes.is_empty() {
                return Some(passes);
            }
        }
        None
    }

    /// The bytes as the client's API has them; where they end in a failure, what was told until then.
    fn tell(&mut self, bytes: Bytes) -> Result<Bytes, (Vec<u8>, Refusal)> {
        let Some(told) = &mut self.told else { return Ok(bytes) };
        let mut out = Vec::new();
        match told.feed(&bytes, &mut out) {
            Ok(()) => Ok(out.into()),
            Err(refusal) => Err((out, refusal)),
        }
    }

    fn judge(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let (mut verdict, floor) = (Ok(()), self.floor);
        self.events.feed(bytes, |event| {
            if verdict.is_ok() {
                verdict = safety::judge(event, &floor);
            }
        });
        verdict
    }

    /// The provider has sent all it will. Where that is not what its API ends with, the client is told.
    fn end(&mut self) -> Option<Bytes> {
        self.ended = true;
        let finished = self.settle();
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        let held = self.redactor.end();
        let held = match self.tell(held.into()) {
            Ok(held) => held.to_vec(),
            Err((told, refusal)) => return Some([told, errors::event(self.api.family(), &refusal)].concat().into()),
        };
        if finished {
            if let Some(observed) = self.observed.take() {
                observed.ended(Asked::Answered);
            }
            return (!held.is_empty()).then(|| held.into());
        }
        let refusal = Refusal::new(ErrorCode::UpstreamFailed, "the provider ended its answer before it was complete");
        if let Some(observed) = self.observed.take() {
            observed.refused(&refusal);
        }
        Some([held, errors::event(self.api.family(), &refusal)].concat().into())
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

pub(super) fn outcome(status: StatusCode) -> Asked {
    match status {
        status if status.is_success() => Asked::Answered,
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => Asked::Rejected,
        _ => Asked::Failed,
    }
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(ErrorCode::UpstreamFailed, format!("the answer has more than {most} bytes"))
}

fn silent(idle: Duration) -> Refusal {
    Refusal::new(ErrorCode::UpstreamTimeout, format!("the provider has sent nothing for {} s", idle.as_secs()))
}

#[cfg(test)]
mod tests;

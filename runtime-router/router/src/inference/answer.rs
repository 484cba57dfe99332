//! An answer on its way to the client: counted, judged, without the router's own secret, and never ended in silence.
//!
//! Not here: asking, and which candidate answered.

mod flow;
mod line;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Safety;
use kars_kit::http::{Body, full};

use super::api::Api;
use super::budget::Reservation;
use super::errors;
use super::headers::answered;
use super::observed::Observed;
use super::safety;
use super::said::Said;
use super::translate;
use super::upstream::Coming;
use super::usage::of_answer;
use crate::credentials::{Redactor, Secret};
use crate::gate::Revoked;
use crate::metrics::Asked;
use crate::patience::within;
use crate::refusal::Refusal;
use flow::Flow;

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
    pub async fn pass(self, response: Box<Response<Coming>>, mut observed: Observed) -> Response<Body> {
        let (head, body) = response.into_parts();
        let answer = |body| {
            let mut answer = Response::new(body);
            *answer.status_mut() = head.status;
            *answer.headers_mut() = answered(&head.headers);
            answer
        };
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
            return answer(Flow::of(self, body, observed).boxed_unsync());
        }
        let whole = self.whole(body, status, &mut observed).await;
        match whole.and_then(|bytes| if is_told { translate::answer(client, &bytes) } else { Ok(bytes) }) {
            Ok(bytes) => {
                observed.ended(outcome(status));
                answer(full(bytes))
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
        mut body: Coming,
        status: StatusCode,
        observed: &mut Observed,
    ) -> Result<Bytes, Refusal> {
        let collected = {
            let collecting = pin!(Limited::new(&mut body, self.most).collect());
            tokio::select! {
                biased;
                collected = within(self.idle, collecting) => collected,
                refusal = self.revoked.wait() => return Err(refusal),
            }
        };
        let bytes = match collected {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(self.most)),
            Ok(Err(_)) => return Err(Refusal::new(ErrorCode::UpstreamFailed, "the provider broke its answer off")),
            Err(_) => return Err(silent(self.idle)),
        };
        body.give_back();
        let said = Said::of(&bytes);
        if status.is_success() {
            if let Some(usage) = of_answer(self.api, &said) {
                observed.used(usage);
                self.reservation.settle(usage.total());
            }
        } else {
            // What the provider refused it does not charge for.
            self.reservation.settle(0);
        }
        safety::judge(&said, &self.floor)?;
        let mut redactor = Redactor::new(self.secret);
        let passes = redactor.whole(bytes);
        observed.redacted(redactor.has_found());
        Ok(passes)
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

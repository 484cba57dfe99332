//! Room for requests that wait for others, kept until the last byte of the answer has gone. Not here: which requests those are.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame, SizeHint};
use kars_kit::http::Body;
use tokio::sync::OwnedSemaphorePermit;

/// A body that keeps its room, and is otherwise what it was: one whose length is known keeps that, too.
struct Held {
    body: Body,
    _room: OwnedSemaphorePermit,
}

/// Keeps room as long as there is a body.
pub(super) fn held(body: Body, room: OwnedSemaphorePermit) -> Body {
    Held { body, _room: room }.boxed_unsync()
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = <Body as hyper::body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

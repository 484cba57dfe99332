//! A body that keeps something until it has been sent, or given up. Not here: what is kept.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kars_kit::http::Body;

struct Held<T> {
    body: Body,
    _kept: T,
}

/// Keeps a value as long as a body lasts.
pub(crate) fn held<T: Send + Unpin + 'static>(body: Body, kept: T) -> Body {
    Held { body, _kept: kept }.boxed_unsync()
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

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

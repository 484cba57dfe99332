//! The provider's end of a stream. It is hung up on as soon as it may no longer be asked, however slow the client is that reads.
//!
//! Not here: what came.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio_util::task::AbortOnDropHandle;

use crate::gate::Revoked;
use crate::inference::upstream::Coming;
use crate::refusal::Refusal;

/// What the provider still sends.
pub(super) struct Line {
    end: Arc<Mutex<End>>,
    _watch: AbortOnDropHandle<()>,
}

enum End {
    /// More may come.
    Open(Coming),
    /// Nothing more may.
    Revoked(Refusal),
    /// Nothing more will.
    Over,
}

impl Line {
    pub(super) fn of(coming: Coming, mut revoked: Revoked) -> Self {
        let end = Arc::new(Mutex::new(End::Open(coming)));
        let watched = Arc::clone(&end);
        let watch = tokio::spawn(async move {
            let refusal = revoked.wait().await;
            let mut end = locked(&watched);
            if let End::Open(coming) = &*end {
                coming.wake();
                *end = End::Revoked(refusal);
            }
        });
        Self { end, _watch: AbortOnDropHandle::new(watch) }
    }

    /// What comes next, or why nothing more may.
    pub(super) fn poll_frame(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<hyper::Result<Frame<Bytes>>>, Refusal>> {
        match &mut *locked(&self.end) {
            End::Open(coming) => Pin::new(coming).poll_frame(context).map(Ok),
            End::Revoked(refusal) => Poll::Ready(Err(refusal.clone())),
            End::Over => Poll::Ready(Ok(None)),
        }
    }

    /// Gives the connection back, once all has come.
    pub(super) fn give_back(&self) {
        if let End::Open(coming) = self.take() {
            coming.give_back();
        }
    }

    /// Closes the connection.
    pub(super) fn hang_up(&self) {
        drop(self.take());
    }

    fn take(&self) -> End {
        std::mem::replace(&mut *locked(&self.end), End::Over)
    }
}

/// What came stays valid when a holder of the lock has panicked.
fn locked(end: &Mutex<End>) -> MutexGuard<'_, End> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

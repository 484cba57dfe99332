//! A connection for hyper: its first bytes were read already, every request in it is framed in one way, and its reader may not
//! stand still for ever. Not here: the framing itself.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::framing::Framing;
use crate::gate::Gate;
use crate::metrics::Kind;

/// What hyper reads in place of a request that is refused: no request, so it answers 400 and closes.
const NO_REQUEST: &[u8] = b"\0\r\n\r\n";

/// Passes on what is framed rightly.
pub(super) struct Framed {
    stream: TcpStream,
    framing: Framing,
    read: BytesMut,
    /// How much of what was read may be passed on.
    passed: usize,
    refused: bool,
    gate: Gate,
    kind: Kind,
    /// How long a write may wait.
    longest: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Framed {
    pub(super) fn new(
        stream: TcpStream,
        first: BytesMut,
        framing: Framing,
        gate: Gate,
        kind: Kind,
        longest: Duration,
    ) -> Self {
        Self { stream, framing, read: first, passed: 0, refused: false, gate, kind, longest, waiting: None }
    }

    /// Looks at what was read.
    fn screen(&mut self) {
        match self.framing.advance(&self.read) {
            Ok(passed) => self.passed = passed,
            Err(refusal) => {
                self.gate.refused(self.kind, "a request on a connection that is kept", &refusal);
                self.gate.metrics().refused(self.kind, refusal.code());
                self.refused = true;
                self.read = BytesMut::from(NO_REQUEST);
                self.passed = NO_REQUEST.len();
            }
        }
    }

    /// Fails a write that has waited too long.
    fn waited<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let longest = self.longest;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(longest)));
        ready!(waiting.as_mut().poll(context));
        waiting.as_mut().reset(Instant::now() + longest);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Framed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.passed == 0 && !this.refused {
                this.screen();
            }
            if this.passed > 0 {
                let size = this.passed.min(into.remaining());
                into.put_slice(this.read.get(..size).unwrap_or_default());
                this.read.advance(size);
                this.passed -= size;
                return Poll::Ready(Ok(()));
            }
            if this.refused || ready!(poll_read_buf(Pin::new(&mut this.stream), context, &mut this.read))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Framed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.waited(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.waited(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

//! A pipe through which the kernel moves bytes from one socket to another: none of them is copied into the router.
//!
//! Only for bytes that nothing has to look at. Not here: when that is worth two files (`tunnel`).

use std::io;

use kars_kit::files::Files;
use rustix::fd::OwnedFd;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What a pipe is asked to hold. The system may give less, which is slower and no worse.
const SIZE: usize = 1024 * 1024;

/// An empty pipe, but for what [`Pipe::fill`] has put into it and [`Pipe::drain`] has not taken out.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// A new one; none where the process has few files left.
    pub(super) fn open(files: Files) -> Option<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        if !files.has_plenty_beside(&write) {
            return None;
        }
        if let Err(error) = fcntl_setpipe_size(&write, SIZE) {
            tracing::debug!(%error, "a pipe stays small");
        }
        Some(Self { read, write })
    }

    /// Takes what a socket has into the pipe, which is empty: how many bytes, and none at the socket's end.
    pub(super) fn fill(&self, from: &TcpStream) -> io::Result<usize> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        from.try_io(Interest::READABLE, || Ok(splice(from, None, &self.write, None, SIZE, flags)?))
    }

    /// Sends what the pipe holds, as much of it as the socket takes.
    pub(super) fn drain(&self, to: &TcpStream, held: usize) -> io::Result<usize> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        to.try_io(Interest::WRITABLE, || Ok(splice(&self.read, None, to, None, held, flags)?))
    }
}

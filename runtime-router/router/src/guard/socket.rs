//! The socket over which `nf_tables` is spoken to. Not here: what is said.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recvfrom, sendto, socket_with};

/// How long the kernel may take for an answer. It has done the work by the time that the question is sent.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// More than any datagram of the kernel: an error repeats the message that it is about.
const LONGEST_ANSWER: usize = 256 << 10;
/// The address of the kernel.
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// Whoever takes datagrams and answers: the kernel, or a test that plays it.
pub(super) trait Wire {
    /// Sends one datagram.
    fn send(&mut self, datagram: &[u8]) -> Result<(), Errno>;
    /// Waits for the next one.
    fn receive(&mut self) -> Result<Vec<u8>, Errno>;
}

/// A socket to the kernel.
pub(super) struct Socket(OwnedFd);

impl Socket {
    /// Opens one.
    pub(super) fn open() -> Result<Self, Errno> {
        let protocol = Some(netlink::NETFILTER);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        bind(&socket, &KERNEL)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self(socket))
    }
}

impl Wire for Socket {
    fn send(&mut self, datagram: &[u8]) -> Result<(), Errno> {
        retry_on_intr(|| sendto(&self.0, datagram, SendFlags::empty(), &KERNEL)).map(|_| ())
    }

    fn receive(&mut self) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0; LONGEST_ANSWER];
        loop {
            let (length, whole, sender) = retry_on_intr(|| recvfrom(&self.0, buffer.as_mut_slice(), RecvFlags::TRUNC))?;
            // Other processes may send to this socket, too.
            let from_kernel = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()) == Some(KERNEL);
            if !from_kernel {
                continue;
            }
            if whole > length {
                return Err(Errno::MSGSIZE);
            }
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

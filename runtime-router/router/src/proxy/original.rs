//! Where a connection was meant to go before the guard redirected it here. Not here: trusting it; only its port is used.

use std::net::SocketAddr;

use kars_contract::Port;
use socket2::SockRef;
use tokio::net::TcpStream;

/// The port that a redirected connection was meant for; none where it was meant for the router itself.
pub(super) fn original_port(stream: &TcpStream) -> Option<Port> {
    let local = stream.local_addr().ok()?;
    // The kernel knows of no redirect where it does not track the connection.
    let original = original_destination(stream, local)?;
    if original == local { None } else { Port::new(original.port()) }
}

#[cfg(target_os = "linux")]
fn original_destination(stream: &TcpStream, local: SocketAddr) -> Option<SocketAddr> {
    let socket = SockRef::from(stream);
    let original = if local.is_ipv4() { socket.original_dst_v4() } else { socket.original_dst_v6() };
    original.ok()?.as_socket()
}

/// Other systems have no guard, so nothing is redirected.
#[cfg(not(target_os = "linux"))]
fn original_destination(_: &TcpStream, _: SocketAddr) -> Option<SocketAddr> {
    None
}

//! Hosts that are gone while bytes are under way to them. Not here: those that are gone while nobody speaks, which the connector has
//! the system ask whether they live.

use std::time::Duration;

use tokio::net::TcpStream;

/// For how long a host may acknowledge nothing of what was sent to it: as long as one to which nothing is sent may be silent.
const UNACKNOWLEDGED: Duration = Duration::from_secs(90);

/// Has the system give a tunnel's connection up whose host acknowledges nothing, or takes nothing, while bytes are under way to it.
/// What the agent sends counts as moving until the buffers are full, so that such a tunnel would not be idle for long.
///
/// Not the agent's own connection: it is within the machine, where nothing is lost, and an agent may read as slowly as it likes.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
pub(super) fn notice(host: &TcpStream, idle: Duration) {
    if let Err(error) = socket2::SockRef::from(host).set_tcp_user_timeout(Some(longest(idle))) {
        tracing::debug!(%error, "a tunnel is not given up for silence");
    }
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
pub(super) fn notice(_: &TcpStream, _: Duration) {}

/// Less than the time after which the tunnel would be idle.
fn longest(idle: Duration) -> Duration {
    UNACKNOWLEDGED.min(idle * 3 / 4)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_silent_host_is_given_up_before_its_tunnel_is_idle() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        for (idle, milliseconds) in [(300, 90_000), (120, 90_000), (100, 75_000), (8, 6000), (1, 750)] {
            notice(&host, Duration::from_secs(idle));
            let set = socket2::SockRef::from(&host).tcp_user_timeout().unwrap();
            assert_eq!(set, Some(Duration::from_millis(milliseconds)), "{idle}");
        }
    }
}

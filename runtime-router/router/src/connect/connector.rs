//! The one place that opens connections for agents: addresses that were vetted, tried one after another, the first wins.
//!
//! Not here: what may be connected to, which the [`Destination`] holds.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kars_contract::agent_api::ErrorCode;
use kars_kit::http::no_delay;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::destination::{Destination, Place};
use super::resolver::{Resolver, Vetted};
use crate::gate::PermittedName;
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// After this time the next address is tried beside those that have not answered.
const STAGGER: Duration = Duration::from_millis(300);
/// Addresses of one name that are tried.
const TRIED: usize = 8;
/// A silent peer is asked whether it lives after this time, and given up half a minute later.
const KEEPALIVE: Duration = Duration::from_mins(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Opens connections. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Connector {
    resolver: Arc<Resolver>,
    metrics: Arc<Metrics>,
}

impl Connector {
    /// Connects to what this resolver finds.
    #[must_use]
    pub fn new(resolver: Resolver, metrics: Arc<Metrics>) -> Self {
        Self { resolver: Arc::new(resolver), metrics }
    }

    /// The addresses of a name that the agent may know, the same that a connection to it would use.
    pub async fn addresses(&self, name: &PermittedName) -> Result<Vetted, Refusal> {
        let began = Instant::now();
        let vetted = self.resolver.public(name).await;
        self.metrics.dns_seconds.observe(began.elapsed().as_secs_f64());
        vetted
    }

    /// Opens a connection.
    pub async fn connect(&self, destination: &Destination) -> Result<TcpStream, Refusal> {
        let Destination { place, port, terms } = destination;
        let addresses = match place {
            Place::Public(name) => self.addresses(name).await?.addresses,
            Place::Infra(host, within) => self.resolver.infra(host.as_str(), *within, terms).await?.addresses,
            Place::Address(address) => vec![*address],
        };
        if addresses.is_empty() {
            return Err(Refusal::new(ErrorCode::EgressUnresolved, format!("`{destination}` has no address")));
        }
        let began = Instant::now();
        let opened = timeout(terms.connect, first_of(&addresses, port.get())).await;
        self.metrics.connect_seconds.observe(began.elapsed().as_secs_f64());
        match opened {
            Ok(Ok(stream)) => Ok(ready(stream)),
            Ok(Err(error)) => {
                Err(Refusal::new(ErrorCode::EgressUnreachable, format!("`{destination}` is not reached: {error}")))
            }
            Err(_) => {
                Err(Refusal::new(ErrorCode::EgressConnectTimeout, format!("`{destination}` does not answer in time")))
            }
        }
    }
}

/// Tries the addresses in their order, each a moment after the one before or as soon as that has failed.
async fn first_of(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter().take(TRIED).map(|address| SocketAddr::new(*address, port));
    let mut tried = FuturesUnordered::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    tried.extend(waiting.next().map(TcpStream::connect));
    loop {
        let more = waiting.len() > 0;
        tokio::select! {
            answered = tried.next() => match answered {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = sleep(STAGGER), if more => (),
        }
        tried.extend(waiting.next().map(TcpStream::connect));
    }
}

/// A connection whose bytes go out at once, and whose silent end is noticed.
fn ready(stream: TcpStream) -> TcpStream {
    no_delay(&stream);
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "a connection is not kept alive");
    }
    stream
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"].map(|address| address.parse().unwrap());
        let stream = first_of(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses[2]);
        assert!(ready(stream).nodelay().unwrap());
        let error = first_of(&addresses[..2], port).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(first_of(&[], port).await.is_err());
    }
}

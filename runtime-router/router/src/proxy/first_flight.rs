//! What a client sends first through a tunnel: a TLS handshake must name the host that the tunnel was allowed to.
//!
//! Other protocols pass as they are: the document names host and port, not what is spoken. Not here: reading a handshake (`hello`).

use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use kars_contract::agent_api::ErrorCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::head::TLS_HANDSHAKE;
use super::hello::{self, Hello};
use super::reply::{self, Alert};
use super::tunnel::Tunnel;
use crate::refusal::{Refusal, shown};

/// Bytes that go to the host before anything else.
pub(super) enum FirstFlight {
    /// A handshake that was read and decided by.
    Checked(Vec<u8>),
    /// What came behind the request for a tunnel; more may have to come.
    Unchecked(Bytes),
}

impl FirstFlight {
    /// The bytes, once they may go out.
    pub(super) async fn checked(self, tunnel: &Tunnel<'_>) -> io::Result<Vec<u8>> {
        let mut bytes = match self {
            Self::Checked(bytes) => return Ok(bytes),
            Self::Unchecked(bytes) => bytes.to_vec(),
        };
        if bytes.is_empty() && !more(&tunnel.client, &mut bytes).await? {
            return Ok(bytes);
        }
        if bytes.first() != Some(&TLS_HANDSHAKE) {
            return Ok(bytes);
        }
        let limits = tunnel.passage.limits();
        let within = Duration::from_secs(limits.header_seconds);
        let problem = match gather(&tunnel.client, &mut bytes, within, limits.header_bytes).await {
            Ok(hello) if hello.host().as_ref() == Some(tunnel.passage.host()) => return Ok(bytes),
            Ok(Hello { name: Some(name) }) => format!("names `{}`", shown(&name)),
            Ok(Hello { name: None }) => "names no host".to_owned(),
            Err(problem) => format!("is refused: {problem}"),
        };
        let message = format!("the tunnel is to `{}`, and its TLS handshake {problem}", tunnel.passage.host());
        let refusal = Refusal::new(ErrorCode::EgressDenied, message);
        let permit = tunnel.passage.name().permit();
        let refusal = tunnel.proxy.gate.undone(tunnel.kind, tunnel.passage, permit, refusal);
        reply::alert(&tunnel.client, Alert::AccessDenied).await;
        Err(io::Error::new(ErrorKind::PermissionDenied, refusal))
    }
}

/// Reads until a handshake is there in full. The text says why there is none.
pub(super) async fn gather(
    client: &TcpStream,
    bytes: &mut Vec<u8>,
    within: Duration,
    most: u64,
) -> Result<Hello, String> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let gathered = timeout(within, async {
        loop {
            match hello::read(bytes) {
                Ok(Some(hello)) => return Ok(hello),
                Ok(None) if bytes.len() >= most => return Err("the ClientHello is too long".to_owned()),
                Ok(None) => (),
                Err(problem) => return Err(problem.to_string()),
            }
            match more(client, bytes).await {
                Ok(true) => (),
                Ok(false) => return Err("the ClientHello ends early".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    });
    gathered.await.unwrap_or_else(|_| Err("the ClientHello takes too long".to_owned()))
}

/// Reads what is there. Returns whether anything came.
async fn more(client: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 2048];
    loop {
        client.readable().await?;
        match client.try_read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => {
                bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
                return Ok(true);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => (),
            Err(error) => return Err(error),
        }
    }
}

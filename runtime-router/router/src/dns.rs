//! The DNS responder: the agent's only resolver, which knows the names that the agent may reach and no others.
//!
//! Not here: what it answers (`answer`), and asking the cluster's resolver, which the connector does.

mod answer;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kars_kit::serve::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::connect::Connector;
use crate::gate::Gate;
use crate::metrics::Ceiling;
use answer::{Transport, answer};

/// Questions that are answered at once; above, they are dropped, and clients ask again.
const AT_ONCE: usize = 256;
/// Connections that are open at once.
const CONNECTIONS: usize = 64;
/// Bytes of a question over UDP that are looked at.
const LARGEST: usize = 4096;
/// How long a connection may say nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// How long to wait after a failure of the system.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers questions about names.
#[derive(Debug)]
pub struct Responder {
    gate: Gate,
    connector: Connector,
    tasks: Tasks,
    questions: Arc<Semaphore>,
}

impl Responder {
    /// A responder that asks this gate.
    #[must_use]
    pub fn new(gate: Gate, connector: Connector, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { gate, connector, tasks, questions: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Answers over UDP until the program drains.
    pub async fn serve_udp(self: Arc<Self>, socket: UdpSocket) {
        let socket = Arc::new(socket);
        let mut bytes = vec![0; LARGEST];
        loop {
            let received = tokio::select! {
                received = socket.recv_from(&mut bytes) => received,
                () = self.tasks.draining() => return,
            };
            let (length, from) = match received {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!(%error, "a question could not be received");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(room) = self.room() else { continue };
            let question = bytes.get(..length).unwrap_or_default().to_vec();
            let (responder, socket) = (Arc::clone(&self), Arc::clone(&socket));
            self.tasks.spawn(async move {
                responder.reply(&socket, from, &question).await;
                drop(room);
            });
        }
    }

    /// Answers over TCP until the program drains.
    pub async fn serve_tcp(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.tasks.draining() => return,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                self.gate.metrics().reached(Ceiling::Questions);
                continue;
            };
            let responder = Arc::clone(&self);
            self.tasks.spawn(async move {
                let ended = tokio::select! {
                    ended = responder.connection(stream) => ended,
                    () = responder.tasks.draining() => Ok(()),
                };
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection for questions ended early");
                }
                drop(place);
            });
        }
    }

    async fn reply(&self, socket: &UdpSocket, from: SocketAddr, question: &[u8]) {
        let Some(reply) = answer(&self.gate, &self.connector, question, Transport::Udp).await else { return };
        if let Err(error) = socket.send_to(&reply, from).await {
            tracing::debug!(%error, "an answer could not be sent");
        }
    }

    /// Questions one after another, each behind its length.
    async fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let Ok(question) = timeout(SILENCE, next(&mut stream)).await else { return Ok(()) };
            let Some(question) = question? else { return Ok(()) };
            let Some(room) = self.room() else { return Ok(()) };
            let Some(reply) = answer(&self.gate, &self.connector, &question, Transport::Tcp).await else {
                return Ok(());
            };
            drop(room);
            let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
            timeout(SILENCE, stream.write_all(&[&length.to_be_bytes(), reply.as_slice()].concat())).await??;
        }
    }

    fn room(&self) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.questions).try_acquire_owned().ok();
        if room.is_none() {
            self.gate.metrics().reached(Ceiling::Questions);
        }
        room
    }
}

/// The next question; none where the client has ended.
async fn next(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length).await {
        Ok(_) => (),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question).await?;
    Ok(Some(question))
}

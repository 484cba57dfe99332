//! The egress proxy: one listener for everything that leaves by TCP. What comes first on a connection says what it is.
//!
//! `CONNECT` and TLS handshakes become tunnels, other requests are forwarded one by one. Not here: deciding, which the gate does,
//! and opening connections, which the connector does.

mod connect;
mod first_flight;
mod forward;
mod framed;
mod framing;
#[cfg(fuzzing)]
pub mod fuzz;
mod head;
mod hello;
mod original;
#[cfg(target_os = "linux")]
mod pipe;
mod reply;
mod silence;
mod transparent_tls;
mod tunnel;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use kars_contract::router::Limits;
use kars_contract::{Hostname, Port};
use kars_kit::files::Files;
use kars_kit::http::{no_delay, no_room};
use kars_kit::serve::Tasks;
use opentelemetry::trace::SpanContext;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::connect::{Connector, Destination};
use crate::gate::{Gate, Passage};
use crate::metrics::{Ceiling, Kind, Open};
use crate::policy::Served;
use crate::refusal::Refusal;
use crate::trace::Span;
use head::First;

/// How long to wait when the system has no sockets left.
const PAUSE: Duration = Duration::from_millis(50);

/// What serves the agent's connections.
#[derive(Debug)]
pub struct Proxy {
    gate: Gate,
    connector: Connector,
    files: Files,
    tasks: Tasks,
}

impl Proxy {
    /// A proxy that asks this gate.
    #[must_use]
    pub fn new(gate: Gate, connector: Connector, files: Files, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { gate, connector, files, tasks })
    }

    /// Serves a listener until the program drains. A connection counts until its tunnel has ended.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, connections: usize) {
        let room = Arc::new(Semaphore::new(connections));
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.tasks.draining() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // A document may lower the ceiling while connections are open.
            let lowered = usize::try_from(self.limits().connections).unwrap_or(usize::MAX);
            let full = connections - room.available_permits() >= lowered || !self.files.has_room_for(&stream);
            let place = Arc::clone(&room).try_acquire_owned().ok().filter(|_| !full);
            let Some(place) = place else {
                self.gate.metrics().reached(Ceiling::Connections);
                self.tasks.spawn(no_room(stream));
                continue;
            };
            let proxy = Arc::clone(&self);
            self.tasks.spawn(async move {
                let open = Open::count(&proxy.gate.metrics().proxy_connections);
                no_delay(&stream);
                proxy.client(stream).await;
                drop((open, place));
            });
        }
    }

    async fn client(self: Arc<Self>, mut stream: TcpStream) {
        let limits = self.limits();
        // What comes first decides how much room the rest takes: a tunnel may stand for hours.
        match Box::pin(head::first(&mut stream, &limits)).await {
            Ok(First::Nothing) => (),
            Ok(First::Late) => self.gate.metrics().reached(Ceiling::Head),
            Ok(First::Tls(bytes)) => Box::pin(transparent_tls::serve(&self, stream, bytes)).await,
            Ok(First::Connect(head, behind)) => Box::pin(connect::serve(&self, stream, head, behind)).await,
            Ok(First::Http(bytes)) => Box::pin(forward::serve(self, stream, bytes, &limits)).await,
            Err(refusal) => {
                self.gate.refused(Kind::Http, "a connection to the proxy", &refusal);
                self.gate.metrics().refused(Kind::Http, refusal.code());
                Box::pin(reply::refuse(stream, refusal)).await;
            }
        }
    }

    /// Decides, resolves and connects. The span is that of the connection, until it ends.
    async fn open(
        &self,
        kind: Kind,
        host: Hostname,
        port: Port,
        parent: &SpanContext,
    ) -> Result<(Passage, TcpStream, Span), Refusal> {
        let passage = self.gate.egress(kind, host, port)?;
        let mut span = self.gate.tracer().egress(kind, &passage, parent);
        let connected = self.connector.connect(&Destination::public(&passage)).await;
        let stream = connected.map_err(|refusal| {
            span.failed(refusal.code().as_str());
            self.gate.undone(kind, &passage, passage.name().permit(), refusal)
        })?;
        Ok((passage, stream, span))
    }

    /// The ceilings of what is served, for what comes before any decision.
    fn limits(&self) -> Limits {
        match self.gate.current().served() {
            Served::Document(generation) => generation.document().limits,
            Served::Nothing(..) => Limits::default(),
        }
    }
}

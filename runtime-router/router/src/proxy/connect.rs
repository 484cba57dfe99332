//! `CONNECT`: a tunnel to one host and port. Not here: carrying its bytes (`tunnel`).

use bytes::Bytes;
use opentelemetry::trace::SpanContext;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::first_flight::FirstFlight;
use super::head::Head;
use super::tunnel::Tunnel;
use super::{Proxy, reply};
use crate::connect::authority;
use crate::gate::Passage;
use crate::metrics::Kind;
use crate::refusal::{Refusal, shown};
use crate::trace::Span;

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Serves a request for a tunnel, and what came behind it.
pub(super) async fn serve(proxy: &Proxy, mut client: TcpStream, head: Head, behind: Bytes) {
    let (passage, host, span) = match Box::pin(opened(proxy, &head.target)).await {
        Ok(opened) => opened,
        Err(refusal) => {
            proxy.gate.metrics().refused(Kind::Connect, refusal.code());
            return Box::pin(reply::refuse(client, refusal)).await;
        }
    };
    if let Err(error) = client.write_all(ESTABLISHED).await {
        tracing::debug!(%error, "a client was gone before its tunnel stood");
        return;
    }
    let tunnel = Tunnel { proxy, kind: Kind::Connect, passage: &passage, client, host, span };
    tunnel.run(FirstFlight::Unchecked(behind)).await;
}

async fn opened(proxy: &Proxy, target: &str) -> Result<(Passage, TcpStream, Span), Refusal> {
    let read = authority::with_port(target);
    let (host, port) = read.inspect_err(|refusal| proxy.gate.refused(Kind::Connect, shown(target), refusal))?;
    proxy.open(Kind::Connect, host, port, &SpanContext::NONE).await
}

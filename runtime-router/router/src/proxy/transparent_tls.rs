//! A TLS connection that was redirected here: it goes to the host that its handshake names. Not here: reading the handshake.

use std::time::Duration;

use bytes::BytesMut;
use kars_contract::agent_api::ErrorCode;
use kars_contract::{Hostname, Port, settings};
use opentelemetry::trace::SpanContext;
use tokio::net::TcpStream;

use super::Proxy;
use super::first_flight::{FirstFlight, gather};
use super::original::original_port;
use super::reply::{self, Alert};
use super::tunnel::Tunnel;
use crate::connect::authority;
use crate::metrics::Kind;
use crate::refusal::Refusal;

/// Serves a connection that begins with a handshake.
pub(super) async fn serve(proxy: &Proxy, client: TcpStream, first: BytesMut) {
    let mut bytes = first.to_vec();
    let (host, port) = match meant(proxy, &client, &mut bytes).await {
        Ok(meant) => meant,
        Err(refusal) => {
            proxy.gate.refused(Kind::TransparentTls, "a TLS handshake", &refusal);
            proxy.gate.metrics().refused(Kind::TransparentTls, refusal.code());
            let denied = refusal.status().as_u16() == 403;
            return reply::refuse_tls(client, if denied { Alert::AccessDenied } else { Alert::DecodeError }).await;
        }
    };
    match proxy.open(Kind::TransparentTls, host, port, &SpanContext::NONE).await {
        Ok((passage, host, span)) => {
            let tunnel = Tunnel { proxy, kind: Kind::TransparentTls, passage: &passage, client, host, span };
            tunnel.run(FirstFlight::Checked(bytes)).await;
        }
        Err(refusal) => {
            proxy.gate.metrics().refused(Kind::TransparentTls, refusal.code());
            let denied = refusal.status().as_u16() == 403;
            reply::refuse_tls(client, if denied { Alert::AccessDenied } else { Alert::InternalError }).await;
        }
    }
}

/// The host that is named, and the port that was meant before the connection was redirected.
async fn meant(proxy: &Proxy, client: &TcpStream, bytes: &mut Vec<u8>) -> Result<(Hostname, Port), Refusal> {
    let limits = proxy.limits();
    let within = Duration::from_secs(limits.header_seconds);
    let hello = gather(client, bytes, within, limits.header_bytes).await;
    let hello =
        hello.map_err(|problem| Refusal::new(ErrorCode::ArgsWrong, format!("the handshake is refused: {problem}")))?;
    let Some(name) = hello.name else {
        return Err(Refusal::new(ErrorCode::EgressDenied, "the handshake names no host"));
    };
    let host = authority::hostname(&name)?;
    Ok((host, original_port(client).unwrap_or(settings::HTTPS_PORT)))
}

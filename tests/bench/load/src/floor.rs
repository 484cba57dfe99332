//! The least that a proxy does: bytes of a request to one upstream and those of the answer back, with no check at all.
//!
//! `forward` has hyper on both sides and keeps connections; `tunnel` takes `CONNECT` and copies. Not here: the router.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::{Outcome, connected, listening};

type Pool = Rc<RefCell<Vec<SendRequest<Incoming>>>>;

/// Forwards requests until the program is ended.
pub(crate) async fn forward(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    LocalSet::new().run_until(forward_all(address, upstream)).await
}

async fn forward_all(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    let (listener, pool) = (listening(address)?, Pool::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = Rc::clone(&pool);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| one(request, upstream, Rc::clone(&pool)));
            // A client that hangs up is no news.
            Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

async fn one(
    request: Request<Incoming>,
    upstream: SocketAddr,
    pool: Pool,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    match passed(request, upstream, pool).await {
        Ok(response) => Ok(response.map(BodyExt::boxed)),
        Err(_) => {
            let mut response = Response::new(Full::new(Bytes::new()).map_err(|never| match never {}).boxed());
            *response.status_mut() = hyper::StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}

async fn passed(
    request: Request<Incoming>,
    upstream: SocketAddr,
    pool: Pool,
) -> Result<Response<Incoming>, Box<dyn std::error::Error>> {
    let kept = loop {
        let kept = pool.borrow_mut().pop();
        match kept {
            Some(sender) if sender.is_closed() => (),
            other => break other,
        }
    };
    let mut sender = match kept {
        Some(sender) => sender,
        None => {
            let (sender, connection) = handshake(TokioIo::new(connected(upstream).await?)).await?;
            tokio::task::spawn_local(connection);
            sender
        }
    };
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    pool.borrow_mut().push(sender);
    Ok(response)
}

/// Opens tunnels to one upstream until the program is ended.
pub(crate) async fn tunnel(address: SocketAddr, upstream: SocketAddr) -> Outcome {
    let listener = listening(address)?;
    loop {
        let (mut client, _) = listener.accept().await?;
        client.set_nodelay(true)?;
        tokio::spawn(async move {
            if head(&mut client).await.is_err() {
                return;
            }
            let Ok(mut host) = connected(upstream).await else { return };
            if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
                // A broken tunnel is no news.
                tokio::io::copy_bidirectional(&mut client, &mut host).await.ok();
            }
        });
    }
}

async fn head(client: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(2048);
    while !bytes.ends_with(b"\r\n\r\n") {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

//! HTTP/1.1 listeners with published limits: nobody holds a connection by being slow, and a panic is one answer.
//!
//! Not here: routes.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::files::Files;
use crate::serve::Tasks;

/// What is sent: whole, or piece by piece with an error at its end.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// What one listener puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    /// Bytes of all headers; above, 431.
    pub header_bytes: usize,
    /// Headers; above, 431.
    pub header_count: usize,
    /// Until the headers are complete; then the connection is closed.
    pub header_time: Duration,
    /// Open connections; above, 503.
    pub connections: usize,
}

/// Something that answers requests. It is shared by all connections of a listener.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request, which is on the heap, as it passes through many hands.
    fn answer(&self, request: Box<Request<Incoming>>) -> impl Future<Output = Response<Body>> + Send;

    /// Told where a connection finds no room.
    fn no_room(&self) {}

    /// What is sent instead of an answer that could not be finished because of a fault in the program.
    fn failed(&self) -> Response<Body>;
}

/// The answer to whoever comes when there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Headers that hyper takes unless it is told otherwise; told so, it has to make room for them anew with every request.
const HEADERS_OF_HYPER: usize = 100;
/// How long to wait when the system has no sockets left.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves a listener until the program drains; connections then finish what they do. Where files run out, clients are turned away as
/// if they were too many.
pub async fn serve(listener: TcpListener, ceilings: Ceilings, files: Files, tasks: Tasks, answer: Arc<impl Answer>) {
    let room = Arc::new(Semaphore::new(ceilings.connections));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.draining() => return,
        };
        let (stream, _) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let permit = Arc::clone(&room).try_acquire_owned().ok().filter(|_| files.has_room_for(&stream));
        let Some(permit) = permit else {
            answer.no_room();
            tasks.spawn(no_room(stream));
            continue;
        };
        let (answer, own) = (Arc::clone(&answer), tasks.clone());
        tasks.spawn(async move {
            no_delay(&stream);
            connection(stream, ceilings, &own, answer).await;
            drop(permit);
        });
    }
}

/// Serves one connection, of any kind.
pub async fn connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ceilings: Ceilings,
    tasks: &Tasks,
    answer: Arc<impl Answer>,
) {
    let service = service_fn(|request| {
        let (answer, request) = (Arc::clone(&answer), Box::new(request));
        async move {
            // On the heap, so that a connection does not keep its room while it waits or a body is under way.
            let answered = Box::pin(AssertUnwindSafe(answer.answer(request)).catch_unwind()).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|_| answer.failed()))
        }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(ceilings.header_time).max_buf_size(ceilings.header_bytes);
    if ceilings.header_count != HEADERS_OF_HYPER {
        builder.max_headers(ceilings.header_count);
    }
    let served = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = tasks.draining() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Bytes go out when they are written, not when more come.
pub fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a socket keeps its delay");
    }
}

/// Answers whoever comes when there is no room.
pub async fn no_room(mut stream: TcpStream) {
    if let Err(error) = stream.write_all(NO_ROOM).await {
        tracing::debug!(%error, "a refused connection was gone already");
    }
}

/// A body that is known whole.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer of a given type.
pub fn reply(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

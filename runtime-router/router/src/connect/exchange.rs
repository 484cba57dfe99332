//! One HTTP request over a connection of its own. Not here: which headers go along, which differs by who asked.

use std::error::Error;

use hyper::body::{Body, Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kars_kit::serve::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};

/// Sends a request and returns the head of its answer; the rest comes as its body is read.
pub async fn exchange<B>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<B>,
    tasks: &Tasks,
) -> Result<Response<Incoming>, hyper::Error>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tasks.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an outgoing connection ended early");
        }
    });
    sender.send_request(request).await
}

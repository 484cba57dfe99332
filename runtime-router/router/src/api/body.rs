//! Bodies of requests, read whole and within bounds. Not here: what is in them.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use kars_contract::agent_api::ErrorCode;
use serde::de::DeserializeOwned;

use crate::patience::within;
use crate::refusal::Refusal;

/// How long a whole body may take. It comes over loopback: whoever needs longer holds the connection on purpose.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads a body of at most so many bytes.
pub(crate) async fn read(body: &mut Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let collected = within(LONGEST, pin!(Limited::new(body, limit).collect())).await;
    let collected = collected.map_err(|_| {
        Refusal::new(ErrorCode::ArgsWrong, format!("the body has not come within {} seconds", LONGEST.as_secs()))
    })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(ErrorCode::RequestTooLarge, format!("the body has more than {limit} bytes")))
        }
        Err(_) => Err(Refusal::new(ErrorCode::ArgsWrong, "the body ended early or is not framed as its headers say")),
    }
}

/// Reads a body that is a JSON object of this form.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let wrong =
        |problem: &str| Refusal::new(ErrorCode::ArgsWrong, format!("the body is not what this route takes: {problem}"));
    // A list would otherwise be read as the fields of the form, in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(wrong("it is no JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use hyper::server::conn::http1::Builder;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    /// What becomes of four bytes that come so long after one another, and after how many seconds.
    async fn read_in(pause: Duration) -> (String, u64) {
        let (mut client, connection) = duplex(4096);
        let service = service_fn(|mut request: Request<Incoming>| async move {
            let told = match read(request.body_mut(), 100).await {
                Ok(bytes) => format!("{} bytes", bytes.len()),
                Err(refusal) => refusal.detail.message.clone(),
            };
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(told))))
        });
        let served = Builder::new().serve_connection(TokioIo::new(connection), service);
        let began = Instant::now();
        let asked = async {
            client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\n").await?;
            let (mut reader, mut writer) = tokio::io::split(client);
            let write = async {
                for byte in b"four" {
                    sleep(pause).await;
                    // Who is refused may find nobody who reads on.
                    if writer.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
                std::future::pending::<()>().await;
            };
            let mut answer = String::new();
            tokio::select! {
                read = reader.read_to_string(&mut answer) => read.map(|_| answer),
                () = write => unreachable!("it waits for ever"),
            }
        };
        let (answer, _) = tokio::join!(asked, served);
        let body = answer.unwrap().rsplit("\r\n\r\n").next().unwrap().to_owned();
        (body, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_half_a_minute_however_steadily_it_comes() {
        assert_eq!(read_in(Duration::from_secs(7)).await, ("4 bytes".to_owned(), 28));
        let cut = "the body has not come within 30 seconds".to_owned();
        assert_eq!(read_in(Duration::from_secs(8)).await, (cut, 30));
    }
}

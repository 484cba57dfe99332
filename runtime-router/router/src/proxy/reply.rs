//! Refusals as they are written to a socket: an HTTP answer whose reason says why, or a TLS alert. Not here: why.

use std::io;
use std::time::Duration;

use kars_contract::agent_api::ErrorReply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::refusal::Refusal;

/// How long a client may take to read its answer.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes that a client may still have sent when it is refused.
const UNREAD: usize = 64 * 1024;
/// The longest reason.
const LONGEST: usize = 300;

/// Why a TLS connection is refused, as its client is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alert {
    /// The policy refuses it.
    AccessDenied,
    /// The handshake cannot be read.
    DecodeError,
    /// The host cannot be reached.
    InternalError,
}

/// Answers with a refusal and ends the connection. Clients of a proxy often show nothing but the reason.
pub(super) async fn refuse(mut stream: TcpStream, refusal: Refusal) {
    let answer = answer(refusal);
    say(&mut stream, &answer).await;
}

/// Ends a TLS connection with an alert.
pub(super) async fn refuse_tls(mut stream: TcpStream, alert: Alert) {
    say(&mut stream, &alert.record()).await;
}

/// Sends an alert on a socket that others use, too.
pub(super) async fn alert(stream: &TcpStream, alert: Alert) {
    let sent = timeout(LAST_WORDS, async {
        loop {
            stream.writable().await?;
            match stream.try_write(&alert.record()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                other => return other,
            }
        }
    });
    if !matches!(sent.await, Ok(Ok(_))) {
        tracing::debug!("an alert was not sent");
    }
}

fn answer(refusal: Refusal) -> Vec<u8> {
    let status = refusal.status();
    let denied = if status.as_u16() == 403 { "not allowed: " } else { "" };
    let rule = refusal.detail.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    let reason: String = format!("{denied}{}{rule}", refusal.detail.message)
        .chars()
        .map(|letter| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' })
        .take(LONGEST)
        .collect();
    let body = serde_json::to_vec(&ErrorReply { error: *refusal.detail }).expect("its keys are text");
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Writes, ends, and reads what is left: a connection that is closed with bytes unread is reset, and its answer lost.
async fn say(stream: &mut TcpStream, bytes: &[u8]) {
    let said = timeout(LAST_WORDS, async {
        stream.write_all(bytes).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        let mut unread = UNREAD;
        while unread > 0 {
            match stream.read(&mut rest).await? {
                0 => break,
                read => unread = unread.saturating_sub(read),
            }
        }
        Ok::<(), io::Error>(())
    });
    if let Ok(Err(error)) = said.await {
        tracing::debug!(%error, "a client was gone before its answer");
    }
}

impl Alert {
    /// A fatal alert, in a record of its own.
    fn record(self) -> [u8; 7] {
        let description = match self {
            Self::AccessDenied => 49,
            Self::DecodeError => 50,
            Self::InternalError => 80,
        };
        [21, 3, 3, 0, 2, 2, description]
    }
}

#[cfg(test)]
mod tests {
    use kars_contract::agent_api::ErrorCode;

    use super::*;

    #[test]
    fn a_reason_is_one_line_of_ascii() {
        let refusal = Refusal::new(ErrorCode::EgressDenied, "`ü\r\nset-cookie: a`\u{7f} is refused");
        let text = String::from_utf8(answer(refusal)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let lines: Vec<&str> = head.split("\r\n").collect();
        assert_eq!(lines.len(), 4, "{head}");
        assert_eq!(lines[0], "HTTP/1.1 403 not allowed: `???set-cookie: a`? is refused");
        assert!(lines.contains(&format!("content-length: {}", body.len()).as_str()));
        let reply: ErrorReply = serde_json::from_str(body).unwrap();
        assert_eq!(reply.error.code, ErrorCode::EgressDenied);
    }
}

//! The head of what a client sends first: read within bounds, and refused where two readers could read it differently.
//!
//! Not here: where the request goes.

use bytes::{Bytes, BytesMut};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Limits;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::refusal::Refusal;

/// The first byte of a TLS record that holds a handshake.
pub(super) const TLS_HANDSHAKE: u8 = 22;
const CONNECT: &[u8] = b"CONNECT ";
/// Headers that are looked at; what a document allows is less or the same.
const MOST_HEADERS: usize = 100;

/// What a connection begins with.
#[derive(Debug)]
pub(super) enum First {
    /// Nothing, or an end before the head was complete.
    Nothing,
    /// Not enough in time.
    Late,
    /// A TLS handshake: what was read of it.
    Tls(BytesMut),
    /// A request for a tunnel, and what came behind it.
    Connect(Head, Bytes),
    /// Another request: everything that was read.
    Http(BytesMut),
}

/// What a head says, once it is known to say it in one way.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: BodyEnd,
}

/// Where the body of a request ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyEnd {
    /// There is none.
    None,
    /// After so many bytes.
    After(u64),
    /// After its last chunk.
    Chunked,
}

/// Reads the head of the first request.
pub(super) async fn first(stream: &mut TcpStream, limits: &Limits) -> Result<First, Refusal> {
    let within = Duration::from_secs(limits.header_seconds);
    match timeout(within, read(stream, limits)).await {
        Ok(first) => first,
        Err(_) => Ok(First::Late),
    }
}

async fn read(stream: &mut TcpStream, limits: &Limits) -> Result<First, Refusal> {
    let mut bytes = BytesMut::with_capacity(2048);
    let mut seen = 0;
    loop {
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Ok(First::Nothing),
            Ok(_) => (),
        }
        match bytes.first() {
            Some(&TLS_HANDSHAKE) => return Ok(First::Tls(bytes)),
            Some(byte) if byte.is_ascii_alphabetic() => (),
            _ => return Err(malformed("the connection begins neither with a request nor with a TLS handshake")),
        }
        if let Some(end) = end_of_head(&bytes, seen)? {
            return complete(bytes, end, limits);
        }
        too_large(&bytes, limits)?;
        seen = bytes.len();
    }
}

/// The place behind the empty line; an end of line that is not written in full is refused.
pub(super) fn end_of_head(bytes: &[u8], seen: usize) -> Result<Option<usize>, Refusal> {
    let from = seen.saturating_sub(3);
    for (place, _) in bytes.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n') {
        let before = bytes.get(..place).unwrap_or_default();
        if before.last() != Some(&b'\r') {
            return Err(malformed("a line of the head does not end with a carriage return"));
        }
        if before.ends_with(b"\r\n\r") {
            return Ok(Some(place + 1));
        }
    }
    Ok(None)
}

pub(super) fn too_large(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if bytes.starts_with(CONNECT) {
        if size > limits.connect_header_bytes {
            return Err(malformed("the request for a tunnel is too long"));
        }
    } else if size > limits.header_bytes {
        let message = format!("the headers have more than {} bytes", limits.header_bytes);
        return Err(Refusal::new(ErrorCode::RequestHeadersTooLarge, message));
    }
    Ok(())
}

fn complete(mut bytes: BytesMut, end: usize, limits: &Limits) -> Result<First, Refusal> {
    let head = bytes.get(..end).unwrap_or_default();
    too_large(head, limits)?;
    let checked = check(head, limits.header_count)?;
    if checked.method != "CONNECT" {
        return Ok(First::Http(bytes));
    }
    let behind = bytes.split_off(end).freeze();
    Ok(First::Connect(checked, behind))
}

/// Checks a head down to its framing: one host, one length or `chunked`, nothing that could be read as both.
pub(super) fn check(head: &[u8], most: u64) -> Result<Head, Refusal> {
    let most = usize::try_from(most).unwrap_or(MOST_HEADERS);
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(headers.get_mut(..most).unwrap_or_default());
    match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => (),
        Err(httparse::Error::TooManyHeaders) => {
            let message = format!("the request has more than {most} headers");
            return Err(Refusal::new(ErrorCode::RequestHeadersTooLarge, message));
        }
        Ok(_) => return Err(malformed("the head is not complete")),
        Err(error) => return Err(malformed(&format!("the head cannot be read: {error}"))),
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(malformed("the request line is not complete"));
    };
    let values = |name: &str| -> Vec<&[u8]> {
        request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
            .collect()
    };
    match (values("host").len(), version) {
        (1, _) | (0, 0) => (),
        _ => return Err(malformed("the request names no host, or more than one")),
    }
    let body = framing(&values("content-length"), &values("transfer-encoding"), version)?;
    if method == "CONNECT" && body != BodyEnd::None {
        return Err(malformed("a request for a tunnel has no body"));
    }
    Ok(Head { method: method.to_owned(), target: target.to_owned(), body })
}

fn framing(lengths: &[&[u8]], encodings: &[&[u8]], version: u8) -> Result<BodyEnd, Refusal> {
    let end = match (lengths, encodings) {
        ([], []) => Some(BodyEnd::None),
        ([length], []) => number(length).map(BodyEnd::After),
        ([], [b"chunked"]) if version == 1 => Some(BodyEnd::Chunked),
        _ => None,
    };
    end.ok_or_else(|| malformed("where the body ends can be read in more than one way"))
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

pub(super) fn malformed(problem: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsWrong, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Head, Refusal> {
        check(text.as_bytes(), 100)
    }

    #[test]
    fn a_head_is_read_in_one_way_or_not_at_all() {
        let good = [
            "GET http://a.example/ HTTP/1.1\r\nhost: a.example\r\n\r\n",
            "GET http://a.example/ HTTP/1.0\r\n\r\n",
            "POST http://a.example/ HTTP/1.1\r\nhost: a.example\r\ncontent-length: 5\r\n\r\n",
            "POST http://a.example/ HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n",
            "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n",
        ];
        for text in good {
            checked(text).unwrap();
        }
        let with = |headers: &str| format!("POST http://a.example/ HTTP/1.1\r\nhost: a.example\r\n{headers}\r\n\r\n");
        for headers in [
            "content-length: 5\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 5",
            "content-length: 5\r\ncontent-length: 5",
            "content-length: 5\r\ncontent-length: 6",
            "content-length: +5",
            "content-length: 5,5",
            "content-length: 0x5",
            "content-length: -1",
            "content-length: 18446744073709551616",
            "content-length:",
            "transfer-encoding: chunked, identity",
            "transfer-encoding: xchunked",
            "transfer-encoding: chunked;",
            "transfer-encoding: Chunked",
            "transfer-encoding: identity",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "host: b.example",
            "x-a : 1",
            ": 1",
            "x-a: 1\r\n folded: 2",
            "x-a: 1\0",
            "x-\u{e9}: 1",
            "x-a: 1\rx-b: 2",
        ] {
            assert!(checked(&with(headers)).is_err(), "{headers:?}");
        }
        for text in [
            "POST http://a.example/ HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
            "GET http://a.example/ HTTP/1.1\r\n\r\n",
            "GET  http://a.example/ HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET http://a.example/ b HTTP/1.1\r\nhost: a\r\n\r\n",
            "GET http://a.example/ HTTP/2.0\r\nhost: a\r\n\r\n",
            "GET http://a.example/\r\nhost: a\r\n\r\n",
            "CONNECT a.example:443 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n",
        ] {
            assert!(checked(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_end_is_found_wherever_reads_cut() {
        let text = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nbehind\n";
        let end = text.len() - b"behind\n".len();
        for cut in 1..end {
            assert_eq!(end_of_head(&text[..cut], cut.saturating_sub(1)).unwrap(), None, "{cut}");
            assert_eq!(end_of_head(text, cut).unwrap(), Some(end), "{cut}");
        }
        for text in ["GET / HTTP/1.1\nhost: a\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\n\n"] {
            assert!(end_of_head(text.as_bytes(), 0).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ceilings_have_their_own_answers() {
        let limits = Limits::default();
        let many = format!("GET http://a/ HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: 1\r\n".repeat(100));
        assert_eq!(checked(&many).unwrap_err().code(), ErrorCode::RequestHeadersTooLarge);
        let long = "a".repeat(9 * 1024);
        assert_eq!(too_large(format!("CONNECT {long}").as_bytes(), &limits).unwrap_err().code(), ErrorCode::ArgsWrong);
        too_large(format!("GET {long}").as_bytes(), &limits).unwrap();
        let longer = "a".repeat(17 * 1024);
        let refusal = too_large(format!("GET {longer}").as_bytes(), &limits).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::RequestHeadersTooLarge);
    }
}

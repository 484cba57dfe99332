//! Where each request of a connection ends, read strictly, so that what follows is never taken for a part of it.
//!
//! Hyper reads the same bytes after this, and more leniently: it passes over a length beside `chunked`, for one. Not here: sockets.

use kars_contract::router::Limits;

use super::head::{BodyEnd, check, end_of_head, malformed, too_large};
use crate::refusal::Refusal;

/// A chunk's size in hexadecimal and the end of its line. Nothing may stand between them.
const LONGEST_SIZE: usize = 16 + 2;

/// How far the requests of a connection have been read.
#[derive(Debug)]
pub(super) struct Framing {
    limits: Limits,
    state: State,
    /// Bytes of a head that were looked at without finding its end.
    seen: usize,
}

#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// The line with a chunk's size.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of line behind a chunk.
    ChunkEnd,
    /// The end of line behind the last chunk. Trailers are not taken.
    LastEnd,
}

impl Framing {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: State::Head, seen: 0 }
    }

    /// How many of these bytes may be passed on; none where more must come first.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            let step = if rest.is_empty() { 0 } else { self.step(rest)? };
            if step == 0 {
                return Ok(passed);
            }
            passed += step;
        }
    }

    fn step(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let (passed, state) = match self.state {
            State::Head => return self.head(bytes),
            State::Body(left) => match taken(left, bytes) {
                (taken, 0) => (taken, State::Head),
                (taken, left) => (taken, State::Body(left)),
            },
            State::Chunk(left) => match taken(left, bytes) {
                (taken, 0) => (taken, State::ChunkEnd),
                (taken, left) => (taken, State::Chunk(left)),
            },
            State::Size => match size(bytes)? {
                None => return Ok(0),
                Some((length, 0)) => (length, State::LastEnd),
                Some((length, size)) => (length, State::Chunk(size)),
            },
            State::ChunkEnd => (end_of_line(bytes)?, State::Size),
            State::LastEnd => (end_of_line(bytes)?, State::Head),
        };
        if passed > 0 {
            self.state = state;
        }
        Ok(passed)
    }

    fn head(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let Some(end) = end_of_head(bytes, self.seen)? else {
            too_large(bytes, &self.limits)?;
            self.seen = bytes.len();
            return Ok(0);
        };
        self.seen = 0;
        let head = bytes.get(..end).unwrap_or_default();
        too_large(head, &self.limits)?;
        self.state = match check(head, self.limits.header_count)?.body {
            BodyEnd::None | BodyEnd::After(0) => State::Head,
            BodyEnd::After(length) => State::Body(length),
            BodyEnd::Chunked => State::Size,
        };
        Ok(end)
    }
}

fn taken(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left - u64::try_from(taken).unwrap_or(left))
}

/// The length of the line and the size that it says.
fn size(bytes: &[u8]) -> Result<Option<(usize, u64)>, Refusal> {
    let wrong = || malformed("the size of a chunk is not a plain hexadecimal number");
    let Some(end) = bytes.iter().take(LONGEST_SIZE).position(|byte| *byte == b'\n') else {
        return if bytes.len() < LONGEST_SIZE { Ok(None) } else { Err(wrong()) };
    };
    let digits = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or_else(wrong)?;
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let size = text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or_else(wrong)?;
    Ok(Some((end + 1, size)))
}

fn end_of_line(bytes: &[u8]) -> Result<usize, Refusal> {
    match bytes {
        [b'\r', b'\n', ..] => Ok(2),
        [b'\r'] => Ok(0),
        _ => Err(malformed("a chunk does not end where its size says")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on of bytes that come in two parts; `None` where they are refused.
    fn passed(text: &str, cut: usize) -> Option<usize> {
        let (bytes, mut framing) = (text.as_bytes(), Framing::new(Limits::default()));
        let first = framing.advance(&bytes[..cut]).ok()?;
        Some(first + framing.advance(&bytes[first..]).ok()?)
    }

    fn post(headers: &str, body: &str) -> String {
        format!("POST http://a.example/ HTTP/1.1\r\nhost: a.example\r\n{headers}\r\n{body}")
    }

    const GET: &str = "GET http://b.example/ HTTP/1.1\r\nhost: b.example\r\n\r\n";

    #[test]
    fn requests_follow_each_other_however_they_are_cut() {
        for text in [
            format!("{GET}{GET}"),
            post("content-length: 5\r\n", "hello") + GET,
            post("content-length: 0\r\n", "") + GET,
            post("transfer-encoding: chunked\r\n", "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n") + GET,
        ] {
            for cut in 0..=text.len() {
                assert_eq!(passed(&text, cut), Some(text.len()), "{text:?} {cut}");
            }
        }
    }

    #[test]
    fn the_next_request_is_held_to_the_same() {
        let doubtful = post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n");
        for text in [
            format!("{GET}{doubtful}"),
            post("content-length: 5\r\n", "hello") + &doubtful,
            post("content-length: 5\r\n", "hello ") + GET,
            post("transfer-encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"),
            post("transfer-encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"),
            post("transfer-encoding: chunked\r\n", "5\nhello\n0\n\n"),
            post("transfer-encoding: chunked\r\n", "5\r\nhello!\r\n0\r\n\r\n"),
            post("transfer-encoding: chunked\r\n", "10000000000000000\r\n"),
            post("transfer-encoding: chunked\r\n", "-5\r\nhello\r\n"),
            post("transfer-encoding: chunked\r\n", "\r\n"),
            post("transfer-encoding: chunked\r\n", "0\r\nx-trailer: 1\r\n\r\n"),
        ] {
            for cut in 0..=text.len() {
                assert_eq!(passed(&text, cut), None, "{text:?} {cut}");
            }
        }
    }
}

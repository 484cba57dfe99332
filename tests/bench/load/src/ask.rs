//! Asks a model again and again over kept connections, each asking anew once it is answered. Not here: who answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use memchr::memmem::{find, find_iter};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::measured::{Times, clock};
use crate::provider::{content_length, tokens};
use crate::{Outcome, connected};

/// What is asked, and for how long.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) address: SocketAddr,
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Bytes of the prompt.
    pub(crate) body: usize,
    pub(crate) time: Duration,
}

#[derive(Default)]
struct Found {
    whole: Times,
    first: Times,
    delays: Times,
    errors: u64,
    tokens: u64,
    bytes: u64,
}

/// Asks over so many connections and prints what it took.
pub(crate) async fn run(asked: Asked, connections: usize) -> Outcome {
    let mut asking = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        asking.spawn(ask(asked.clone()));
    }
    let mut all = Found::default();
    while let Some(found) = asking.join_next().await {
        let Found { whole, first, delays, errors, tokens, bytes } = found?;
        all.whole.join(whole);
        all.first.join(first);
        all.delays.join(delays);
        all.errors += errors;
        all.tokens += tokens;
        all.bytes += bytes;
    }
    let seconds = began.elapsed().as_secs_f64();
    let (requests, frames) = (all.whole.len(), all.delays.len());
    println!(
        "{}",
        json!({"requests": requests, "frames": frames, "errors": all.errors, "tokens": all.tokens, "bytes": all.bytes, "seconds": seconds,
            "whole": all.whole.json(), "first": all.first.json(), "delay": all.delays.json()})
    );
    Ok(())
}

async fn ask(asked: Asked) -> Found {
    let mut found = Found::default();
    let request = request(&asked);
    let (began, mut buffer) = (Instant::now(), Vec::with_capacity(64 * 1024));
    let mut stream = None;
    while began.elapsed() < asked.time {
        let taken = match stream.take() {
            Some(stream) => Ok(stream),
            None => connected(asked.address).await,
        };
        let Ok(mut taken) = taken else {
            found.errors += 1;
            continue;
        };
        match once(&mut taken, &request, &mut buffer, &mut found).await {
            Ok(200) => stream = Some(taken),
            Ok(_) | Err(_) => found.errors += 1,
        }
    }
    found
}

/// A request as a client of OpenAI's writes it, with a tool that the agent has and one that it does not.
fn request(asked: &Asked) -> Vec<u8> {
    let Asked { address, model, stream, body, .. } = asked;
    let prompt = "word ".repeat(body.div_ceil(5));
    let tool = |name: &str| {
        format!(
            r#"{{"type":"function","function":{{"name":"{name}","parameters":{{"type":"object","properties":{{}}}}}}}}"#
        )
    };
    let text = format!(
        r#"{{"model":"{model}","stream":{stream},"max_tokens":256,"tools":[{},{}],"messages":[{{"role":"user","content":"{prompt}"}}]}}"#,
        tool("read_file"),
        tool("not_granted")
    );
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nauthorization: Bearer x\r\n"
    );
    format!("{head}content-length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

async fn once(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>, found: &mut Found) -> std::io::Result<u16> {
    buffer.clear();
    let began = Instant::now();
    stream.write_all(request).await?;
    let (mut seen, mut first, mut head) = (0, false, None);
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let now = clock();
        let from = seen;
        for place in find_iter(&buffer[from..], b"\"t\":") {
            let digits = &buffer[from + place + 4..];
            // A stamp that a read has cut is looked at with the next.
            let Some(end) = digits.iter().position(|byte| *byte == b',') else { break };
            let stamp = std::str::from_utf8(&digits[..end]).ok().and_then(|text| text.parse::<u64>().ok());
            found.delays.add(now.saturating_sub(stamp.unwrap_or(now)));
            seen = from + place + 4 + end;
            if !std::mem::replace(&mut first, true) {
                found.first.add(nanoseconds(began));
            }
        }
        if head.is_none() {
            head = find(buffer, b"\r\n\r\n").map(|end| (end + 4, Framing::of(&buffer[..end])));
        }
        let Some((start, framing)) = &head else { continue };
        let complete = match framing {
            Framing::Length(length) => buffer.len() >= start + length,
            Framing::Chunked => buffer.ends_with(b"\r\n0\r\n\r\n"),
        };
        if complete {
            found.whole.add(nanoseconds(began));
            let body = buffer.get(*start..).unwrap_or_default();
            found.tokens += if matches!(framing, Framing::Chunked) { tokens(&joined(body)) } else { tokens(body) };
            found.bytes += buffer.len() as u64;
            return Ok(std::str::from_utf8(&buffer[9..12]).ok().and_then(|text| text.parse().ok()).unwrap_or(0));
        }
    }
}

enum Framing {
    Length(usize),
    Chunked,
}

impl Framing {
    fn of(head: &[u8]) -> Self {
        let chunked = find(head.to_ascii_lowercase().as_slice(), b"transfer-encoding: chunked").is_some();
        if chunked { Self::Chunked } else { Self::Length(content_length(head)) }
    }
}

/// The chunks of a body, one after the other: what they hold may be cut anywhere.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(rest.len());
    while let Some(end) = find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = size.filter(|size| *size > 0).and_then(|size| rest.get(end + 2..end + 2 + size)) else {
            break;
        };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + chunk.len()..).unwrap_or_default();
    }
    body
}

fn nanoseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

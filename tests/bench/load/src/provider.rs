//! A model's provider, scripted: the deployment's name is the script. Not here: counting what it was asked.
//!
//! `whole` answers at once; `burst` streams 64 pieces at once and `paced` 32 pieces two milliseconds apart; `slow` streams for ten
//! seconds; `cut` streams 16 pieces and cuts them at another byte each time; `flaky` fails one time in eleven, which retries may; `down` always.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem::{find, rfind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::measured::clock;
use crate::{Outcome, listening};

static NUMBER: AtomicU64 = AtomicU64::new(0);
static FLAKY: AtomicU64 = AtomicU64::new(0);

/// Answers until the program is ended.
pub(crate) async fn serve(address: std::net::SocketAddr) -> Outcome {
    let listener = listening(address)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            if let Err(error) = answer_all(stream).await {
                // A client that hangs up is no news.
                assert!(error.kind() != std::io::ErrorKind::InvalidData, "{error}");
            }
        });
    }
}

async fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    let mut read = Vec::with_capacity(4096);
    while let Some((head, body)) = request(&mut stream, &mut read).await? {
        let text = &read[head..head + body];
        let script = script(text).to_owned();
        read.drain(..head + body);
        answer(&mut stream, &script).await?;
    }
    Ok(())
}

/// The lengths of the head and the body of the next request; none at the end.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<(usize, usize)>> {
    let mut lengths = None;
    loop {
        if lengths.is_none()
            && let Some(end) = find(read, b"\r\n\r\n")
        {
            lengths = Some((end + 4, content_length(&read[..end])));
        }
        if let Some((head, body)) = lengths
            && read.len() >= head + body
        {
            return Ok(Some((head, body)));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

pub(crate) fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// The deployment that a request names. The router writes it, and the load asks without spaces.
fn script(body: &[u8]) -> &str {
    let from = find(body, b"\"model\":\"").map_or(0, |place| place + 9);
    let rest = &body[from..];
    let end = find(rest, b"\"").unwrap_or(0);
    std::str::from_utf8(&rest[..end]).unwrap_or_default()
}

async fn answer(stream: &mut TcpStream, script: &str) -> std::io::Result<()> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    match script {
        "burst" => stream.write_all(&[HEAD, &pieces(64), &last(number)].concat()).await,
        "paced" => stepped(stream, 32, Duration::from_millis(2), number).await,
        "slow" => stepped(stream, 100, Duration::from_millis(100), number).await,
        "cut" => {
            let all = [HEAD, &pieces(16), &last(number)].concat();
            let (left, right) = all.split_at(usize::try_from(number).unwrap_or(0) % all.len());
            stream.write_all(left).await?;
            sleep(Duration::from_millis(1)).await;
            stream.write_all(right).await
        }
        "flaky" if FLAKY.fetch_add(1, Ordering::Relaxed).is_multiple_of(11) => stream.write_all(DOWN).await,
        "down" => stream.write_all(DOWN).await,
        _ => stream.write_all(&whole(number)).await,
    }
}

async fn stepped(stream: &mut TcpStream, count: usize, step: Duration, number: u64) -> std::io::Result<()> {
    stream.write_all(HEAD).await?;
    for _ in 0..count {
        stream.write_all(&pieces(1)).await?;
        sleep(step).await;
    }
    stream.write_all(&last(number)).await
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const DOWN: &[u8] = b"HTTP/1.1 503 x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
const ID: &str = "chatcmpl-0123456789abcdef";

/// Chunks, one event in each, which say when they were made.
fn pieces(count: usize) -> Vec<u8> {
    (0..count).flat_map(|_| chunk(&format!("data: {{\"id\":\"{ID}\",\"object\":\"chat.completion.chunk\",\"t\":{},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" token\"}},\"finish_reason\":null}}]}}\n\n", clock()))).collect()
}

fn last(number: u64) -> Vec<u8> {
    let usage = usage(number);
    [
        chunk(&format!(
            "data: {{\"id\":\"{ID}\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{usage}}}\n\n"
        )),
        chunk("data: [DONE]\n\n"),
        b"0\r\n\r\n".to_vec(),
    ]
    .concat()
}

fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

fn whole(number: u64) -> Vec<u8> {
    let (usage, text) = (usage(number), "words of an answer ".repeat(10));
    let found = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;
    let body = format!(
        r#"{{"id":"{ID}","object":"chat.completion","choices":[{{"index":0,"content_filter_results":{found},"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Differs from request to request, so that a sum that is right is not right by chance.
fn usage(number: u64) -> String {
    let (prompt, answer) = (100 + number % 97, 1 + number % 89);
    format!("{{\"prompt_tokens\":{prompt},\"completion_tokens\":{answer},\"total_tokens\":{}}}", prompt + answer)
}

/// The tokens that an answer says it cost.
pub(crate) fn tokens(answer: &[u8]) -> u64 {
    let Some(place) = rfind(answer, b"\"total_tokens\":") else { return 0 };
    let digits: String =
        answer[place + 15..].iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect();
    digits.parse().unwrap_or(0)
}

//! Streams that last: minutes pass at once here, since the clock is stopped whenever everybody waits.

use hyper::Request;
use kars_contract::Endpoint;
use kars_contract::router::{Budget, Severity};
use kars_kit::clock::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use super::super::attempts::FIRST_BYTE;
use super::super::budget::Ledger;
use super::super::upstream::Upstream;
use super::*;
use crate::dial::{Connection, Dial};
use crate::policy::Generation;
use crate::trace::Span;

/// A provider that sends an event again and again.
struct Paced {
    pause: Duration,
    events: usize,
}

impl Dial for Paced {
    async fn dial(&self, _: &Endpoint, _: &Generation) -> Result<Box<dyn Connection>, Refusal> {
        let (near, far) = tokio::io::duplex(4096);
        tokio::spawn(serve(far, self.pause, self.events));
        Ok(Box::new(near))
    }
}

async fn serve(mut stream: DuplexStream, pause: Duration, events: usize) -> std::io::Result<()> {
    let mut head = [0; 1024];
    assert!(stream.read(&mut head).await? > 0);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await?;
    for _ in 0..events {
        sleep(pause).await;
        stream.write_all(b"data: {\"choices\":[]}\n\n").await?;
    }
    stream.write_all(b"data: [DONE]\n\n").await
}

/// A provider that takes what it is asked, and says nothing.
struct Silent;

impl Dial for Silent {
    async fn dial(&self, _: &Endpoint, _: &Generation) -> Result<Box<dyn Connection>, Refusal> {
        let (near, far) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(far);
        });
        Ok(Box::new(near))
    }
}

/// What a client gets of such a stream, and how long it took.
async fn passed(pause: u64, events: usize) -> (String, Duration) {
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let generation = Generation::example();
    let idle = Duration::from_secs(generation.document().limits.inference_idle_seconds);
    let upstream = Upstream::new(std::sync::Arc::new(Paced { pause: Duration::from_secs(pause), events }));
    let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let answered = upstream.send(&endpoint, &generation, Request::default(), idle).await.unwrap();
    let most = Severity::High;
    let passing = Passing {
        api: Api::ChatCompletions,
        client: Api::ChatCompletions,
        streamed: true,
        floor: Safety { prompt_shields: false, hate: most, self_harm: most, sexual: most, violence: most },
        secret: Secret::of("of the provider"),
        reservation: Ledger::open(folder.path()).unwrap().reserve(1, &Budget::default(), now()).unwrap(),
        most: 1 << 20,
        idle,
        revoked: Revoked::never(),
    };
    let observed = Observed::begin(std::sync::Arc::default(), Api::ChatCompletions, Span::default());
    let body = passing.pass(answered, observed).await.into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(body.to_vec()).unwrap(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_are_not_too_long() {
    let (text, took) = passed(20, 30).await;
    assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("event: error"), "{text}");
    assert_eq!(text.matches("choices").count(), 30);
    assert!(took >= Duration::from_mins(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_never_begins_to_answer_is_given_up() {
    let (began, upstream) = (Instant::now(), Upstream::new(std::sync::Arc::new(Silent)));
    let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let refusal = upstream.send(&endpoint, &Generation::example(), Request::default(), FIRST_BYTE).await.unwrap_err();
    assert_eq!((refusal.code(), began.elapsed().as_secs()), (ErrorCode::UpstreamTimeout, 600));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_with_an_event() {
    let (text, took) = passed(121, 1).await;
    assert!(text.contains("event: error") && text.contains("has sent nothing for 120 s"), "{text}");
    assert!(took < Duration::from_secs(122), "{took:?}");
}

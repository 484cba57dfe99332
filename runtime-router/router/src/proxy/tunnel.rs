//! Bytes between the agent and a host, both ways at once, until both have ended, nothing moves, or the policy changes.
//!
//! One task for both directions. While nothing moves a tunnel holds no buffer: the threads have one each. A direction in which a
//! lot moves has a pipe instead (`pipe`). Not here: deciding.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kars_kit::files::Files;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::Proxy;
use super::first_flight::FirstFlight;
#[cfg(target_os = "linux")]
use super::pipe::Pipe;
use super::silence;
use crate::gate::Passage;
use crate::metrics::{Ceiling, Direction, Kind, Metrics, Open};
use crate::trace::Span;

/// What a thread reads into.
const BUFFER: usize = 64 * 1024;
/// After so many reads the other direction and the timers have their turn.
const TURN: usize = 16;
/// After so many bytes without a pause a direction is worth a pipe.
const BULK: u64 = 256 * 1024;
/// After such a pause it is worth none any more.
const PAUSE: Duration = Duration::from_secs(1);
/// How often traffic is counted and a tunnel's stillness looked at: four times in its idle time, within these bounds.
const SHORTEST_TICK: Duration = Duration::from_millis(100);
const LONGEST_TICK: Duration = Duration::from_secs(10);
/// How long tunnels may go on while the router ends.
const ENDING: Duration = Duration::from_secs(10);

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// Two connected sockets and the permission to connect them.
pub(super) struct Tunnel<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) kind: Kind,
    pub(super) passage: &'a Passage,
    pub(super) client: TcpStream,
    pub(super) host: TcpStream,
    pub(super) span: Span,
}

/// Why a tunnel was closed, but for its ends closing it.
#[derive(Clone, Copy, Debug)]
enum Closed {
    Idle,
    Policy,
    Ending,
}

/// How much has moved, and when last.
struct Traffic {
    files: Files,
    began: Instant,
    /// Milliseconds after the beginning.
    last: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    /// What of it the metrics know.
    counted_up: AtomicU64,
    counted_down: AtomicU64,
}

impl Tunnel<'_> {
    /// Carries bytes until an end. What the client sends first passes the check of its first flight.
    pub(super) async fn run(mut self, first: FirstFlight) {
        let metrics = self.proxy.gate.metrics();
        let (_open, _lasting) = (Open::count(&metrics.tunnels), metrics.lasting(self.kind));
        let traffic = Traffic::new(self.proxy.files);
        silence::notice(&self.host, Duration::from_secs(self.passage.limits().tunnel_idle_seconds));
        let ends = async {
            let up = async {
                let first = Box::pin(first.checked(&self)).await?;
                traffic.write(&self.host, &first, &traffic.up).await?;
                drop(first);
                traffic.copy(&self.client, &self.host, &traffic.up).await
            };
            let down = traffic.copy(&self.host, &self.client, &traffic.down);
            tokio::try_join!(up, down)
        };
        let outcome = tokio::select! {
            ended = ends => match ended {
                Ok(_) => "both ends",
                Err(error) if error.kind() == ErrorKind::TimedOut => "a silent host",
                Err(error) => {
                    tracing::debug!(%error, "a tunnel broke");
                    "an error"
                }
            },
            closed = self.watch(&traffic) => closed.as_str(),
        };
        traffic.account(metrics);
        self.span.count("kars.bytes.up", traffic.up.load(Ordering::Relaxed));
        self.span.count("kars.bytes.down", traffic.down.load(Ordering::Relaxed));
        tracing::debug!(
            kind = self.kind.as_str(),
            to = %self.passage,
            up = traffic.up.load(Ordering::Relaxed),
            down = traffic.down.load(Ordering::Relaxed),
            seconds = traffic.began.elapsed().as_secs(),
            outcome,
            "tunnel closed"
        );
    }

    /// Completes when the tunnel must end.
    async fn watch(&self, traffic: &Traffic) -> Closed {
        let idle = Duration::from_secs(self.passage.limits().tunnel_idle_seconds);
        let mut tick = interval((idle / 4).clamp(SHORTEST_TICK, LONGEST_TICK));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let still = async {
            loop {
                tick.tick().await;
                traffic.account(self.proxy.gate.metrics());
                if traffic.still() >= idle {
                    self.proxy.gate.metrics().reached(Ceiling::Idle);
                    return;
                }
            }
        };
        let ending = async {
            self.proxy.tasks.draining().await;
            sleep(ENDING).await;
        };
        tokio::select! {
            () = still => Closed::Idle,
            () = self.passage.revoked(self.proxy.gate.current().clone()) => Closed::Policy,
            () = ending => Closed::Ending,
        }
    }
}

impl Closed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Policy => "policy",
            Self::Ending => "ending",
        }
    }
}

/// What one read led to.
enum Step {
    /// There was nothing to read.
    Nothing,
    /// It was written, all of it.
    Moved,
    /// This much of it is left.
    Left(Vec<u8>),
    /// Nothing more comes.
    End,
}

impl Traffic {
    fn new(files: Files) -> Self {
        let [last, up, down, counted_up, counted_down] = [(); 5].map(|()| AtomicU64::new(0));
        Self { files, began: Instant::now(), last, up, down, counted_up, counted_down }
    }

    /// One direction, until its source ends; then the other side is told so, and may go on.
    async fn copy(&self, from: &TcpStream, to: &TcpStream, count: &AtomicU64) -> io::Result<()> {
        let (mut turn, mut paused) = (0, count.load(Ordering::Relaxed));
        loop {
            from.readable().await?;
            match SHARED.with_borrow_mut(|buffer| self.step(from, to, buffer, count))? {
                Step::Nothing => turn = 0,
                Step::Moved => turn += 1,
                Step::Left(rest) => self.write(to, &rest, count).await?,
                Step::End => return SockRef::from(to).shutdown(Shutdown::Write),
            }
            if count.load(Ordering::Relaxed) - paused >= BULK {
                if Box::pin(self.pour(from, to, count)).await? {
                    return SockRef::from(to).shutdown(Shutdown::Write);
                }
                paused = count.load(Ordering::Relaxed);
            }
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
        }
    }

    /// One direction while a lot comes, through a pipe. Returns whether its source has ended; otherwise it pauses.
    #[cfg(target_os = "linux")]
    async fn pour(&self, from: &TcpStream, to: &TcpStream, count: &AtomicU64) -> io::Result<bool> {
        let Some(pipe) = Pipe::open(self.files) else { return Ok(false) };
        let mut turn = 0;
        while let Ok(readable) = timeout(PAUSE, from.readable()).await {
            readable?;
            let mut held = match pipe.fill(from) {
                Ok(0) => return Ok(true),
                Ok(held) => held,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            while held > 0 {
                to.writable().await?;
                match pipe.drain(to, held) {
                    Ok(written) => {
                        self.moved(count, written);
                        held = held.saturating_sub(written);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                    Err(error) => return Err(error),
                }
            }
            turn += 1;
            if turn >= TURN {
                turn = 0;
                yield_now().await;
            }
        }
        Ok(false)
    }

    #[cfg(not(target_os = "linux"))]
    async fn pour(&self, _: &TcpStream, _: &TcpStream, _: &AtomicU64) -> io::Result<bool> {
        Ok(false)
    }

    fn step(&self, from: &TcpStream, to: &TcpStream, buffer: &mut [u8], count: &AtomicU64) -> io::Result<Step> {
        let read = match from.try_read(buffer) {
            Ok(0) => return Ok(Step::End),
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Nothing),
            Err(error) => return Err(error),
        };
        let written = match to.try_write(read) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.moved(count, written);
        let left = read.get(written..).unwrap_or_default();
        Ok(if left.is_empty() { Step::Moved } else { Step::Left(left.to_vec()) })
    }

    async fn write(&self, to: &TcpStream, bytes: &[u8], count: &AtomicU64) -> io::Result<()> {
        let mut left = bytes;
        while !left.is_empty() {
            to.writable().await?;
            match to.try_write(left) {
                Ok(written) => {
                    self.moved(count, written);
                    left = left.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn moved(&self, count: &AtomicU64, bytes: usize) {
        if bytes > 0 {
            count.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.last.store(milliseconds(self.began.elapsed()), Ordering::Relaxed);
        }
    }

    /// For how long nothing has moved.
    fn still(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    /// Counts what has moved since it was counted last.
    fn account(&self, metrics: &Metrics) {
        for (direction, moved, counted) in
            [(Direction::Up, &self.up, &self.counted_up), (Direction::Down, &self.down, &self.counted_down)]
        {
            let now = moved.load(Ordering::Relaxed);
            metrics.moved(direction, now - counted.swap(now, Ordering::Relaxed));
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn an_end_is_passed_on_and_nothing_is_lost() {
        let (mut client, near) = pair().await;
        let (far, mut host) = pair().await;
        let traffic = Traffic::new(Files::of(1024));
        let data: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let sent = data.clone();
        let write = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let read = async {
            let mut all = Vec::new();
            host.read_to_end(&mut all).await.unwrap();
            // The other direction still works after the first has ended.
            host.write_all(b"late").await.unwrap();
            host.shutdown().await.unwrap();
            all
        };
        let both = async {
            tokio::try_join!(traffic.copy(&near, &far, &traffic.up), traffic.copy(&far, &near, &traffic.down))
        };
        let (answer, all, ended) = tokio::join!(write, read, both);
        ended.unwrap();
        assert_eq!((answer.as_str(), all.len()), ("late", data.len()));
        assert!(all == data);
        let counted = (traffic.up.load(Ordering::Relaxed), traffic.down.load(Ordering::Relaxed));
        assert_eq!(counted, (1_000_000, 4));
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_stops_neither_the_clock_nor_the_other_direction() {
        let (mut client, near) = pair().await;
        let (far, mut host) = pair().await;
        let traffic = Traffic::new(Files::of(1024));
        let flood = async {
            let block = vec![0; 1 << 20];
            while client.write_all(&block).await.is_ok() {}
        };
        let other = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            host.write_all(b"still here").await.unwrap();
            std::future::pending::<()>().await;
        };
        let up = traffic.copy(&near, &far, &traffic.up);
        let down = traffic.copy(&far, &near, &traffic.down);
        let idle = async {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if traffic.down.load(Ordering::Relaxed) > 0 && traffic.still() > Duration::from_millis(200) {
                    return;
                }
            }
        };
        tokio::select! {
            _ = up => panic!("the flood ended"),
            _ = down => panic!("the host ended"),
            () = flood => panic!("the client ended"),
            () = other => (),
            () = idle => (),
        }
        assert!(traffic.up.load(Ordering::Relaxed) > 0);
    }
}

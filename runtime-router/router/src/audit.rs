//! The audit log: one line for every decision, each bound to the line before by its hash. Not here: reading it (`verify`).

mod chain;
pub mod recent;
mod store;
pub mod verify;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{Thread, park_timeout};
use std::time::Duration;

pub use chain::{Event, Head, Judged, Line};
pub use store::Store;

use crate::metrics::Metrics;

/// Lines that wait to be written; above, nothing more is allowed.
const WAITING: usize = 65_536;
/// After this time what was written is forced to the disk.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// After so many lines, too: about 400 KiB.
const BATCH_LINES: usize = 1024;
/// Bytes that are written together at most.
const BATCH_BYTES: usize = 1024 * 1024;

/// Where decisions are written down. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Audit {
    lines: Sender<Message>,
    /// Lines that wait. A channel with a bound would hold the room for all of them from the start.
    waiting: Arc<AtomicUsize>,
    /// It sleeps while a batch gathers: to be woken for each line costs more than the line.
    thread: Thread,
    broken: Arc<AtomicBool>,
    /// How often the file of the budget had been written, as far as was known at the opening.
    budget_writes: u64,
}

/// What the thread that writes is told.
#[derive(Debug)]
enum Message {
    /// Write this line.
    Line(Event),
    /// Remember that the file of the budget was written so often.
    Budget(u64),
    /// Say when everything before is on the disk.
    Flush(SyncSender<()>),
}

impl Audit {
    /// Opens the log in a folder and continues its chain. The thread ends when the last [`Audit`] is gone.
    pub fn open(folder: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        let store = Store::open(folder)?;
        let budget_writes = store.budget_writes();
        let (lines, queue) = channel();
        let (broken, waiting) = (Arc::new(AtomicBool::new(false)), Arc::<AtomicUsize>::default());
        let queue = Queue { messages: queue, waiting: Arc::clone(&waiting) };
        let seen = Arc::clone(&broken);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || write(store, &queue, &seen, &metrics))?.thread().clone();
        Ok(Self { lines, waiting, thread, broken, budget_writes })
    }

    /// Writes a line soon. Returns whether it will be; where not, what it speaks of must not happen.
    #[must_use]
    pub fn record(&self, event: Event) -> bool {
        if self.broken.load(Ordering::Acquire) {
            return false;
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        if before >= WAITING || self.lines.send(Message::Line(event)).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        if (before + 1).is_multiple_of(BATCH_LINES) {
            self.thread.unpark();
        }
        true
    }

    /// How often the file of the budget had been written when the log was opened. One that was written less often is an older copy.
    #[must_use]
    pub fn budget_writes(&self) -> u64 {
        self.budget_writes
    }

    /// Remembers soon how often the file of the budget was written, beside the head of the log.
    pub fn budget_written(&self, writes: u64) {
        if self.lines.send(Message::Budget(writes)).is_err() {
            tracing::error!(writes, "the audit log does not learn of the budget");
        }
    }

    /// Waits until every line so far is on the disk, or for so long.
    #[must_use]
    pub fn flush(&self, longest: Duration) -> bool {
        let (told, written) = sync_channel(1);
        let sent = self.lines.send(Message::Flush(told)).is_ok();
        self.thread.unpark();
        sent && written.recv_timeout(longest).is_ok()
    }

    /// Whether lines are written.
    #[must_use]
    pub fn works(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }
}

/// Writes what comes, in batches. After a failure nothing is recorded until a batch can be written again.
fn write(mut store: Store, queue: &Queue, broken: &AtomicBool, metrics: &Metrics) {
    while let Ok(first) = queue.messages.recv() {
        let Batch { lines, told, open } = batch(&mut store, first, queue);
        while let Err(error) = store.flush() {
            broken.store(true, Ordering::Release);
            metrics.audit_failures.inc();
            tracing::error!(%error, "the audit log cannot be written, so nothing is allowed");
            if !open {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        metrics.audit_lines.inc_by(lines);
        broken.store(false, Ordering::Release);
        if told.is_some_and(|told| told.send(()).is_err()) {
            tracing::debug!("nobody waits for the audit log any more");
        }
    }
}

/// What waits to be written.
struct Queue {
    messages: Receiver<Message>,
    waiting: Arc<AtomicUsize>,
}

/// Lines that are forced to the disk together.
struct Batch {
    lines: u64,
    /// Who waits for them.
    told: Option<SyncSender<()>>,
    /// Whether more may come.
    open: bool,
}

fn batch(store: &mut Store, first: Message, queue: &Queue) -> Batch {
    let (mut next, mut lines) = (Ok(first), 0);
    if matches!(next, Ok(Message::Line(_))) {
        park_timeout(BATCH_TIME);
    }
    loop {
        match next {
            Ok(Message::Line(event)) => {
                queue.waiting.fetch_sub(1, Ordering::AcqRel);
                store.add(&event);
                lines += 1;
            }
            Ok(Message::Budget(writes)) => store.remember_budget(writes),
            Ok(Message::Flush(told)) => return Batch { lines, told: Some(told), open: true },
            Err(TryRecvError::Empty) => return Batch { lines, told: None, open: true },
            Err(TryRecvError::Disconnected) => return Batch { lines, told: None, open: false },
        }
        if store.pending() >= BATCH_BYTES {
            return Batch { lines, told: None, open: true };
        }
        next = queue.messages.try_recv();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_written_and_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), Arc::default()).unwrap();
        for round in 1..=3 {
            for _ in 0..BATCH_LINES * 2 + 7 {
                assert!(audit.record(Event::Note { kind: "test", what: "x".repeat(100) }));
            }
            assert!(audit.flush(Duration::from_secs(20)));
            assert_eq!(audit.waiting.load(Ordering::Acquire), 0);
            assert_eq!(verify::verify(folder.path(), None).unwrap().lines, round * (BATCH_LINES as u64 * 2 + 7));
        }
    }

    #[test]
    fn a_line_comes_to_the_disk_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), Arc::default()).unwrap();
        for lines in 1..=3 {
            assert!(audit.record(Event::Note { kind: "test", what: String::new() }));
            let until = std::time::Instant::now() + Duration::from_secs(20);
            while verify::verify(folder.path(), None).map_or(0, |whole| whole.lines) < lines {
                assert!(std::time::Instant::now() < until, "line {lines} stays away");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

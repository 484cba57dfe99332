//! The audit log: one line for every decision, each bound to the line before by its hash. Not here: reading it (`verify`).

mod chain;
pub mod recent;
mod store;
pub mod verify;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

pub use chain::{Event, Head, Judged, Line};
pub use store::Store;

use crate::metrics::Metrics;

/// Lines that wait to be written; above, nothing more is allowed.
const WAITING: usize = 65_536;
/// After this time what was written is forced to the disk.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// After these bytes, too.
const BATCH_BYTES: usize = 64 * 1024;

/// Where decisions are written down. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Audit {
    lines: SyncSender<Message>,
    broken: Arc<AtomicBool>,
}

/// What the thread that writes is told.
#[derive(Debug)]
enum Message {
    /// Write this line.
    Line(Event),
    /// Say when everything before is on the disk.
    Flush(SyncSender<()>),
}

impl Audit {
    /// Opens the log in a folder and continues its chain. The thread ends when the last [`Audit`] is gone.
    pub fn open(folder: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        let store = Store::open(folder)?;
        let (lines, waiting) = sync_channel(WAITING);
        let broken = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&broken);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || write(store, &waiting, &seen, &metrics))?;
        Ok(Self { lines, broken })
    }

    /// Writes a line soon. Returns whether it will be; where not, what it speaks of must not happen.
    #[must_use]
    pub fn record(&self, event: Event) -> bool {
        if self.broken.load(Ordering::Acquire) {
            return false;
        }
        match self.lines.try_send(Message::Line(event)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Waits until every line so far is on the disk, or for so long.
    #[must_use]
    pub fn flush(&self, longest: Duration) -> bool {
        let (told, written) = sync_channel(1);
        self.lines.send(Message::Flush(told)).is_ok() && written.recv_timeout(longest).is_ok()
    }

    /// Whether lines are written.
    #[must_use]
    pub fn works(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }
}

/// Writes what comes, in batches. After a failure nothing is recorded until a batch can be written again.
fn write(mut store: Store, waiting: &Receiver<Message>, broken: &AtomicBool, metrics: &Metrics) {
    while let Ok(first) = waiting.recv() {
        let Batch { lines, told, open } = batch(&mut store, first, waiting);
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

/// Lines that are forced to the disk together.
struct Batch {
    lines: u64,
    /// Who waits for them.
    told: Option<SyncSender<()>>,
    /// Whether more may come.
    open: bool,
}

fn batch(store: &mut Store, first: Message, waiting: &Receiver<Message>) -> Batch {
    let (began, mut next, mut lines) = (Instant::now(), Ok(first), 0);
    loop {
        match next {
            Ok(Message::Line(event)) => {
                store.add(event);
                lines += 1;
            }
            Ok(Message::Flush(told)) => return Batch { lines, told: Some(told), open: true },
            Err(RecvTimeoutError::Timeout) => return Batch { lines, told: None, open: true },
            Err(RecvTimeoutError::Disconnected) => return Batch { lines, told: None, open: false },
        }
        if store.pending() >= BATCH_BYTES {
            return Batch { lines, told: None, open: true };
        }
        next = waiting.recv_timeout(BATCH_TIME.saturating_sub(began.elapsed()));
    }
}

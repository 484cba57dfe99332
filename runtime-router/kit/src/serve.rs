//! The life of a program: its tasks, the signals that end it, and the time it takes to end. Not here: listeners.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a program. All of them end with it.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    draining: CancellationToken,
}

impl Tasks {
    /// Starts a task that ends by itself or by being told.
    pub fn spawn<F: Future<Output: Send + 'static> + Send + 'static>(&self, task: F) -> JoinHandle<F::Output> {
        self.tracker.spawn(task)
    }

    /// Completes once the program is to take nothing new.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Whether the program takes nothing new.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Tells every task to end and waits for them. Returns whether all did in time.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.draining.cancel();
        self.tracker.close();
        timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

/// The signals that end a program. All others that would end it by default change nothing, but for those that ask for a core dump.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _ignored: [Signal; 4],
}

impl Signals {
    /// From now on the signals do not kill the process.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _ignored: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::alarm())?,
            ],
        })
    }

    /// Completes with the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

//! How far a build has come, for a person who watches. Not here: builds that are done within a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use karsc_core::bundle::{Output, Unwritable};

use crate::print::Printer;

/// How long nothing is shown.
const QUIET: Duration = Duration::from_secs(1);

/// Passes files on, and counts the agents that are complete.
pub(crate) struct Watched<'o> {
    output: &'o dyn Output,
    bar: ProgressBar,
    started: Instant,
    agents: AtomicU64,
}

impl<'o> Watched<'o> {
    pub(crate) fn over(output: &'o dyn Output, printer: &Printer) -> Self {
        let target = if printer.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{spinner} {pos} agents, {elapsed}").expect("the template is sound");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { output, bar, started: Instant::now(), agents: AtomicU64::new(0) }
    }
}

impl Output for Watched<'_> {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        if path.starts_with("allowlists/") {
            let agents = self.agents.fetch_add(1, Ordering::Relaxed) + 1;
            if self.started.elapsed() > QUIET {
                self.bar.set_position(agents);
            }
        }
        self.output.write(path, bytes)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

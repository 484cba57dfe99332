//! How often a request may be sent to another candidate: one time in ten, so that an outage is not met by twice the requests. Not here:
//! which candidate is next (`attempts`), and which is left alone (`breaker`).

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// The part of a retry that every request earns.
const EARNED: f64 = 0.1;
/// Retries that are saved up at most: those of a thousand requests.
const MOST: f64 = 100.0;
/// Retries that there are without any request, for agents that ask little. They grow back one a second.
const FLOOR: f64 = 10.0;

/// What is left for retries.
#[derive(Debug)]
pub(super) struct Retries(Mutex<Left>);

#[derive(Clone, Copy, Debug)]
struct Left {
    retries: f64,
    at: Instant,
}

impl Default for Retries {
    fn default() -> Self {
        Self(Mutex::new(Left { retries: FLOOR, at: Instant::now() }))
    }
}

impl Retries {
    /// A request is asked for the first time, now.
    pub(super) fn earn(&self, now: Instant) {
        let mut left = self.left(now);
        left.retries = (left.retries + EARNED).min(MOST);
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut left = self.left(Instant::now());
        let has_one = left.retries >= 1.0;
        if has_one {
            left.retries -= 1.0;
        }
        has_one
    }

    /// The account as it is at a moment.
    fn left(&self, now: Instant) -> MutexGuard<'_, Left> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grown = left.retries + now.duration_since(left.at).as_secs_f64();
        left.retries = grown.min(FLOOR).max(left.retries);
        left.at = left.at.max(now);
        left
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(retries: &Retries) -> usize {
        (0..1000).filter(|_| retries.take()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_in_ten_and_a_few_more() {
        let retries = Retries::default();
        assert_eq!(taken(&retries), 10, "the floor");
        (0..205).for_each(|_| retries.earn(Instant::now()));
        assert_eq!(taken(&retries), 20, "a tenth");
        (0..5000).for_each(|_| retries.earn(Instant::now()));
        assert_eq!(taken(&retries), 100, "no more is saved up");
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(taken(&retries), 3, "the floor grows back");
        tokio::time::advance(Duration::from_mins(10)).await;
        assert_eq!(taken(&retries), 10, "and no further");
    }
}

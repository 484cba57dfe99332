//! Waiting, but not for ever. Not here: how long.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// Waits for what is most likely there already: a clock is only set where it is not. The caller pins it, so that it need not move.
pub(crate) async fn within<F: Future + Unpin>(longest: Duration, mut future: F) -> Result<F::Output, Elapsed> {
    match poll_fn(|context| Poll::Ready(Pin::new(&mut future).poll(context))).await {
        Poll::Ready(came) => Ok(came),
        Poll::Pending => timeout(longest, future).await,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_is_given_up() {
        let (second, began) = (Duration::from_secs(1), Instant::now());
        assert_eq!(within(Duration::ZERO, pin!(async { 7 })).await, Ok(7));
        assert_eq!(within(second * 3, pin!(sleep(second))).await, Ok(()));
        assert!(within(second, pin!(sleep(second * 3))).await.is_err());
        assert_eq!(began.elapsed().as_secs(), 2);
    }
}

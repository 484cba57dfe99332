//! Routes that fail are left alone for a while, then tried by one request. Not here: what counts as a failure.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kars_contract::Name;
use tokio::time::Instant;

use crate::jitter::Jitter;

/// Failures in a row after which a route is left alone.
const FAILURES: u32 = 3;
/// A failure longer ago than this counts for nothing.
const WINDOW: Duration = Duration::from_mins(1);
/// For how long a route is left alone at first, or half as long; it doubles with every failed try.
const PAUSE: Duration = Duration::from_secs(5);
/// For how long at most.
const LONGEST: Duration = Duration::from_secs(30);

/// How every route has fared. One that was never tried is well.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<BTreeMap<Name, Health>>);

#[derive(Clone, Copy, Debug)]
struct Health {
    failures: u32,
    last: Instant,
    /// Until then nobody tries; absent while the route is well.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    pause: Duration,
    /// Where in its bounds the pause lies.
    jitter: Jitter,
    /// Whether somebody tries just now.
    tried: bool,
}

impl Breaker {
    /// Whether a request may try a route. After a pause one may, and the others wait for how it fares.
    pub fn may_try(&self, route: &Name) -> bool {
        let mut routes = self.routes();
        let Some(open) = routes.get_mut(route).and_then(|health| health.open.as_mut()) else { return true };
        let now = Instant::now();
        // A try that never told how it fared does not keep the route shut.
        let abandoned = open.tried && now >= open.until + LONGEST;
        let may = now >= open.until && (!open.tried || abandoned);
        open.tried |= may;
        if abandoned && may {
            open.until = now;
        }
        may
    }

    /// Whether a route is left alone now.
    pub fn is_open(&self, route: &Name) -> bool {
        let now = Instant::now();
        let routes = self.routes();
        routes.get(route).and_then(|health| health.open).is_some_and(|open| now < open.until || open.tried)
    }

    /// The route answered.
    pub fn well(&self, route: &Name) {
        if self.routes().remove(route).is_some_and(|health| health.open.is_some()) {
            tracing::info!(model = route.as_str(), "a model answers again");
        }
    }

    /// The route failed. `wait` is for how long it asks to be left alone.
    pub fn failed(&self, route: &Name, wait: Option<Duration>) {
        let now = Instant::now();
        let mut routes = self.routes();
        let health = routes.entry(route.clone()).or_insert(Health { failures: 0, last: now, open: None });
        let stale = health.open.is_none() && now.duration_since(health.last) > WINDOW;
        health.failures = if stale { 1 } else { health.failures.saturating_add(1) };
        health.last = now;
        let (pause, jitter) = match health.open {
            // It was asked before it was left alone, as others were that failed with it.
            Some(open) if !open.tried => (open.pause, open.jitter),
            Some(open) => ((open.pause * 2).min(LONGEST), Jitter::draw()),
            None if health.failures >= FAILURES => {
                tracing::warn!(model = route.as_str(), failures = health.failures, "a model is left alone");
                (PAUSE, Jitter::draw())
            }
            None => return,
        };
        let asked = now + jitter.asked(wait.unwrap_or_default(), LONGEST);
        let paused = now + jitter.pause(pause);
        let until = health.open.filter(|open| !open.tried).map_or(paused, |open| open.until).max(asked);
        health.open = Some(Open { until, pause, jitter, tried: false });
    }

    fn routes(&self) -> MutexGuard<'_, BTreeMap<Name, Health>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main() -> Name {
        "main".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_route_is_left_alone_and_tried_by_one() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            assert!(breaker.may_try(&main()));
            breaker.failed(&main(), None);
        }
        assert!(!breaker.may_try(&main()) && breaker.is_open(&main()));
        tokio::time::advance(PAUSE).await;
        assert!(!breaker.is_open(&main()));
        assert!(breaker.may_try(&main()));
        assert!(!breaker.may_try(&main()), "one tries, the others wait");
        breaker.failed(&main(), None);
        tokio::time::advance(PAUSE).await;
        assert!(!breaker.may_try(&main()), "the pause has doubled");
        tokio::time::advance(PAUSE).await;
        assert!(breaker.may_try(&main()));
        assert!(breaker.is_open(&main()));
        breaker.well(&main());
        assert!(!breaker.is_open(&main()));
        assert!(breaker.may_try(&main()) && breaker.may_try(&main()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_that_fail_at_once_are_one_outage() {
        let breaker = Breaker::default();
        for _ in 0..1000 {
            assert!(breaker.may_try(&main()) || breaker.is_open(&main()));
            breaker.failed(&main(), None);
        }
        tokio::time::advance(PAUSE).await;
        assert!(breaker.may_try(&main()), "it is tried again after the first pause");
        breaker.failed(&main(), None);
        tokio::time::advance(PAUSE).await;
        assert!(!breaker.may_try(&main()), "which doubles only now");
    }

    /// For how long each of a thousand routers leaves a route alone that has failed so often, and asks for this wait.
    async fn left_alone(times: u32, wait: Option<Duration>) -> Vec<Duration> {
        let mut pauses = Vec::new();
        for _ in 0..1000 {
            let breaker = Breaker::default();
            let mut began = Instant::now();
            for _ in 0..times {
                began = Instant::now();
                breaker.failed(&main(), wait);
                // Whoever failed with it says so a moment later, and draws no other lot.
                let until = breaker.routes()[&main()].open.map_or(began, |open| open.until);
                breaker.failed(&main(), None);
                tokio::time::advance(until - began).await;
                breaker.may_try(&main());
            }
            pauses.push(Instant::now() - began);
        }
        pauses.sort();
        pauses
    }

    /// INF-22.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_routers_do_not_come_back_in_one_instant() {
        let second = Duration::from_secs(1);
        // Two failures each, so that the second opens it, the third doubles its pause, and the sixth cannot any more.
        for (times, wait, shortest, longest) in [
            (2, None, second * 5 / 2, PAUSE),
            (3, None, PAUSE, PAUSE * 2),
            (6, None, LONGEST / 2, LONGEST),
            (6, Some(second * 3600), LONGEST * 4 / 5, LONGEST),
            (2, Some(second * 8), second * 8, second * 10),
        ] {
            let pauses = left_alone(times, wait).await;
            let (first, last) = (pauses[0], pauses[pauses.len() - 1]);
            assert!(shortest <= first && last <= longest, "{times} {wait:?}: {first:?} to {last:?}");
            // No tenth of the time sees more than a fifth of them.
            let tenth = longest.saturating_sub(shortest) / 10;
            let most = (0..10).map(|part| {
                let from = shortest + tenth * part;
                pauses.iter().filter(|pause| (from..from + tenth).contains(pause)).count()
            });
            assert!(most.max().is_some_and(|most| most < 200), "{times} {wait:?}: {pauses:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn rare_failures_do_not_add_up() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            breaker.failed(&main(), None);
            assert!(breaker.may_try(&main()));
            tokio::time::advance(WINDOW + Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_asked_for_is_kept_within_bounds() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            breaker.failed(&main(), Some(Duration::from_hours(1)));
        }
        tokio::time::advance(PAUSE * 2).await;
        assert!(!breaker.may_try(&main()));
        tokio::time::advance(LONGEST).await;
        assert!(breaker.may_try(&main()));
        tokio::time::advance(LONGEST).await;
        assert!(breaker.may_try(&main()), "a try that tells nothing does not shut the route for ever");
    }
}

//! Times that differ from router to router, so that a thousand of them do not come back in one instant. Not here: how long anything
//! lasts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How far into its bounds a time lies. It is drawn once for all that belongs together: of many draws the longest would win.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Jitter(u64);

impl Jitter {
    /// Any, each as likely as another. It is nobody's secret, so the standard library's randomness will do.
    pub(crate) fn draw() -> Self {
        // Each state has a key of its own, made of the system's randomness and a count.
        Self(RandomState::new().hash_one(()))
    }

    /// A time between these two.
    pub(crate) fn between(self, shortest: Duration, longest: Duration) -> Duration {
        let apart = longest.saturating_sub(shortest).as_nanos();
        let share = apart.saturating_mul(u128::from(self.0)) >> u64::BITS;
        shortest + Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// A pause of half of this time to all of it.
    pub(crate) fn pause(self, longest: Duration) -> Duration {
        self.between(longest / 2, longest)
    }

    /// A time that somebody asked for, or up to a quarter more. Who asks for more than the longest gets four fifths of that, or more.
    pub(crate) fn asked(self, asked: Duration, longest: Duration) -> Duration {
        if asked > longest {
            return self.between(longest * 4 / 5, longest);
        }
        self.between(asked, (asked * 5 / 4).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Jitter = Jitter(0);
    const MOST: Jitter = Jitter(u64::MAX);

    #[test]
    fn a_thousand_come_back_apart() {
        let drawn: Vec<Duration> = (0..1000).map(|_| Jitter::draw().pause(Duration::from_secs(30))).collect();
        for second in 15..30 {
            // A fifteenth would be 67; 20 is six deviations away.
            let here = drawn.iter().filter(|time| time.as_secs() == second).count();
            assert!((20..=130).contains(&here), "{here} in second {second}");
        }
        assert!(drawn.iter().all(|time| (15..30).contains(&time.as_secs())), "{drawn:?}");
    }

    #[test]
    fn times_keep_their_bounds() {
        let [second, minute] = [1, 60].map(Duration::from_secs);
        let near = |time: Duration, end: Duration| time <= end && time + Duration::from_micros(1) > end;
        assert!(LEAST.pause(minute) == second * 30 && near(MOST.pause(minute), minute));
        for (asked, from, to) in [(0, 0, 0), (8, 8, 10), (40, 40, 50), (56, 56, 60), (60, 60, 60), (3600, 48, 60)] {
            let asked = second * asked;
            assert_eq!(LEAST.asked(asked, minute), second * from, "{asked:?}");
            assert!(near(MOST.asked(asked, minute), second * to), "{asked:?}");
        }
        assert_eq!(MOST.between(minute, second), minute, "there is nothing between");
    }
}

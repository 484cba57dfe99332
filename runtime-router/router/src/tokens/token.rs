//! A token, and until when it may be shown: by two clocks, of which the earlier counts. Not here: where tokens come from.

use std::time::Duration;

use kars_kit::clock;
use tokio::time::Instant;

use crate::credentials::Secret;

/// So long before its end a token is shown no more: a request is under way for a while.
const MARGIN: Duration = Duration::from_secs(30);
/// A token is not renewed sooner than after this time, whatever its issuer says.
const SOONEST: Duration = Duration::from_secs(30);
/// The longest that a token is used, whatever its issuer says.
const LONGEST: Duration = Duration::from_hours(24);

/// A moment by both clocks. That of the wall can be set; the steady one stands still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Seconds since the start of 1970.
    pub(super) wall: i64,
    /// The clock that nobody can set.
    pub(super) steady: Instant,
}

/// A token that its issuer gave. It is not shown by accident.
#[derive(Clone, Debug)]
pub(super) struct Token {
    secret: Secret,
    renew: Moment,
    ends: Moment,
}

impl Moment {
    /// The moment that it is.
    #[must_use]
    pub(super) fn now() -> Self {
        Self { wall: clock::now().unix_seconds(), steady: Instant::now() }
    }

    fn after(self, time: Duration) -> Self {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self { wall: self.wall.saturating_add(seconds), steady: self.steady + time }
    }

    /// Whether one of the clocks has come to a moment.
    fn has_reached(self, moment: Self) -> bool {
        self.wall >= moment.wall || self.steady >= moment.steady
    }
}

impl Token {
    /// A token that lasts so long from the moment at which it was asked for. `renew` is after which time its issuer wants to be
    /// asked again. None where it would end before it could be used.
    #[must_use]
    pub(super) fn new(secret: Secret, asked: Moment, lasts: Duration, renew: Option<Duration>) -> Option<Self> {
        let usable = lasts.min(LONGEST).checked_sub(MARGIN).filter(|usable| !usable.is_zero())?;
        let renew = renew.unwrap_or(usable / 5 * 4).max(SOONEST).min(usable);
        Some(Self { secret, renew: asked.after(renew), ends: asked.after(usable) })
    }

    /// The token itself.
    #[must_use]
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether it may still be shown.
    #[must_use]
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        !now.has_reached(self.ends)
    }

    /// Whether another should be asked for.
    #[must_use]
    pub(super) fn is_due(&self, now: Moment) -> bool {
        now.has_reached(self.renew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_AN_HOUR: Duration = Duration::from_mins(30);

    fn token(lasts: Duration, renew: Option<u64>) -> (Moment, Option<Token>) {
        let start = Moment { wall: 1_000_000, steady: Instant::now() };
        (start, Token::new(Secret::of("t"), start, lasts, renew.map(Duration::from_secs)))
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        for (lasts, renew, due, ends) in [
            (1800, Some(1500), 1500, 1770),
            (1800, None, 1416, 1770),
            (1800, Some(0), 30, 1770),
            (1800, Some(u64::MAX), 1770, 1770),
            (u64::MAX, None, 69_096, 86_370),
            (40, None, 10, 10),
        ] {
            let (start, token) = token(Duration::from_secs(lasts), renew);
            let token = token.unwrap();
            let at = |seconds| start.after(Duration::from_secs(seconds));
            assert!(!token.is_due(at(due - 1)) && token.is_due(at(due)), "{lasts} {renew:?}");
            assert!(token.is_usable(at(ends - 1)) && !token.is_usable(at(ends)), "{lasts} {renew:?}");
        }
        for lasts in [0, 30] {
            assert!(token(Duration::from_secs(lasts), None).1.is_none());
        }
    }

    #[test]
    fn a_clock_that_jumps_makes_no_token_last() {
        let (start, token) = token(HALF_AN_HOUR, None);
        let token = token.unwrap();
        let slept = Moment { wall: start.wall + 1800, ..start };
        assert!(!token.is_usable(slept), "the machine slept, and the steady clock with it");
        let set_back = Moment { wall: start.wall - 86_400, steady: start.steady + HALF_AN_HOUR };
        assert!(!token.is_usable(set_back), "somebody has set the clock of the wall back");
        assert!(token.is_usable(Moment { wall: start.wall - 86_400, ..start }));
    }
}

//! The clock of a live program. Not here: deadlines, which are measured with a clock that nobody can set back.

use std::time::{SystemTime, UNIX_EPOCH};

use kars_contract::Instant;

/// The moment, in whole seconds.
///
/// A clock before 1970 or after 9999 gives the last moment there is: everything that is dated has ended by then.
#[must_use]
pub fn now() -> Instant {
    let seconds =
        SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    seconds.and_then(Instant::from_unix_seconds).unwrap_or(Instant::MAX)
}

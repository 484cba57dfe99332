//! Tokens, counted. They are reserved before a request is sent and settled when its answer says what it cost.
//!
//! Not here: what a request may cost (`question`) and what it did (`usage`).
//!
//! No request waits for a disk: a file holds a ceiling that the count has not reached yet, and is only written when the count
//! reaches it. After a crash counting goes on from the ceiling, so that nothing is ever counted too low.

mod file;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kars_contract::Instant;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Budget;
use serde::Serialize;

use crate::refusal::Refusal;
use file::{Ceiling, CeilingFile};

/// The part of the lowest limit by which the ceiling is ahead of the count.
const AHEAD: u64 = 100;
/// By which it is where there is no limit.
const FAR_AHEAD: u64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// What an agent has used, and has asked for.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug)]
struct Books {
    day: Count,
    month: Count,
    /// Tokens of requests that are under way.
    reserved: u64,
    file: CeilingFile,
    /// The day that was looked at last, counted from 1970.
    looked: Option<i64>,
    /// Why nothing can be counted.
    unreadable: Option<String>,
}

/// Tokens of a period.
#[derive(Clone, Debug, Default)]
struct Count {
    /// `2026-11-25` or `2026-11`; it never goes back.
    period: String,
    used: u64,
    /// What the file says.
    ceiling: u64,
}

/// Tokens that are set aside for one request. Dropped, all of them count as used: who does not say what it cost, pays what it
/// might have.
#[derive(Debug)]
pub struct Reservation {
    ledger: Ledger,
    tokens: u64,
    settled: bool,
}

/// What is left, for whoever looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Spent {
    /// Tokens used today.
    pub day: u64,
    /// Tokens used this month.
    pub month: u64,
    /// Tokens of requests that are under way.
    pub reserved: u64,
}

/// Why no tokens are set aside.
#[derive(Debug)]
pub struct Unpaid {
    /// The field of the budget that does not allow it; absent where it is not known what was used.
    pub limit: Option<&'static str>,
    /// What the agent is told.
    pub refusal: Refusal,
}

impl Ledger {
    /// Opens the books in the folder of state. Books that cannot be read are kept shut, and every request with a limit refused.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let file = CeilingFile::open(folder)?;
        let (ceiling, unreadable) = match file.read()? {
            Ok(ceiling) => (ceiling, None),
            Err(problem) => (Ceiling::default(), Some(problem)),
        };
        let count = |period: String, tokens: u64| Count { period, used: tokens, ceiling: tokens };
        let books = Books {
            day: count(ceiling.day, ceiling.day_tokens),
            month: count(ceiling.month, ceiling.month_tokens),
            reserved: 0,
            file,
            looked: None,
            unreadable,
        };
        Ok(Self(Arc::new(Mutex::new(books))))
    }

    /// Sets tokens aside. A request that is alone may use up what is left and go over it by what it costs itself; others must fit.
    pub fn reserve(&self, tokens: u64, budget: &Budget, now: Instant) -> Result<Reservation, Unpaid> {
        let exceeded = |limit, message: String| {
            Err(Unpaid { limit: Some(limit), refusal: Refusal::new(ErrorCode::BudgetExceeded, message) })
        };
        let unknown = |refusal| Unpaid { limit: None, refusal };
        if let Some(most) = budget.tokens_per_request.filter(|most| tokens > *most) {
            let message = format!("the request may cost {tokens} tokens; at most {most} are allowed in one");
            return exceeded("tokensPerRequest", message);
        }
        let mut books = self.books();
        books.turn(now);
        if let Some(problem) = books.unreadable.as_ref().filter(|_| is_limited(budget)) {
            let message = format!("it is not known what has been used: {problem}");
            return Err(unknown(Refusal::new(ErrorCode::BudgetUnavailable, message)));
        }
        let limits = [
            (budget.tokens_per_day, &books.day, "day", "tokensPerDay"),
            (budget.tokens_per_month, &books.month, "month", "tokensPerMonth"),
        ];
        for (limit, count, period, field) in limits {
            let Some(limit) = limit else { continue };
            let alone = books.reserved == 0 && count.used < limit;
            let fits = count.used.saturating_add(books.reserved).saturating_add(tokens) <= limit;
            if !alone && !fits {
                let message = format!("the agent has used {} of its {limit} tokens for this {period}", count.used);
                return exceeded(field, message);
            }
        }
        books.raise(budget, tokens).map_err(unknown)?;
        books.reserved = books.reserved.saturating_add(tokens);
        Ok(Reservation { ledger: self.clone(), tokens, settled: false })
    }

    /// What was used so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        let books = self.books();
        Spent { day: books.day.used, month: books.month.used, reserved: books.reserved }
    }

    /// The same at a moment: a day or month that is over has been used for nothing.
    #[must_use]
    pub fn spent_by(&self, now: Instant) -> Spent {
        self.books().turn(now);
        self.spent()
    }

    /// Writes down the exact count, so that a restart loses nothing and adds nothing.
    pub fn close(&self) -> io::Result<()> {
        let mut books = self.books();
        let (day, month) =
            (books.day.used.saturating_add(books.reserved), books.month.used.saturating_add(books.reserved));
        books.write(day, month)
    }

    /// The books are whole at every moment at which somebody could panic.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// How many tokens are set aside.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Says what the request cost. Tokens that were not used are free again.
    pub fn settle(mut self, tokens: u64) {
        self.spend(tokens);
    }

    fn spend(&mut self, tokens: u64) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let mut books = self.ledger.books();
        books.reserved = books.reserved.saturating_sub(self.tokens);
        books.day.used = books.day.used.saturating_add(tokens);
        books.month.used = books.month.used.saturating_add(tokens);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.spend(self.tokens);
    }
}

impl Books {
    /// Begins a new day or month. A clock that is set back begins none.
    fn turn(&mut self, now: Instant) {
        let day = now.unix_seconds().div_euclid(SECONDS_PER_DAY);
        if self.looked.replace(day) == Some(day) {
            return;
        }
        let text = now.to_string();
        for (count, length) in [(&mut self.day, 10), (&mut self.month, 7)] {
            let period = text.get(..length).unwrap_or_default();
            if period > count.period.as_str() {
                *count = Count { period: period.to_owned(), used: 0, ceiling: 0 };
            }
        }
    }

    /// Writes a higher ceiling where the count could, with so many tokens more, come to the one that is written.
    fn raise(&mut self, budget: &Budget, tokens: u64) -> Result<(), Refusal> {
        let could = |count: &Count| count.used.saturating_add(self.reserved).saturating_add(tokens);
        let (day, month) = (could(&self.day), could(&self.month));
        if day <= self.day.ceiling && month <= self.month.ceiling {
            return Ok(());
        }
        let lowest = [budget.tokens_per_day, budget.tokens_per_month].into_iter().flatten().min();
        let ahead = lowest.map_or(FAR_AHEAD, |limit| limit / AHEAD);
        self.write(day.saturating_add(ahead), month.saturating_add(ahead)).map_err(|error| {
            tracing::error!(%error, "the count of tokens cannot be written");
            Refusal::new(ErrorCode::BudgetUnavailable, "the count of tokens cannot be written, so none are given")
        })
    }

    fn write(&mut self, day: u64, month: u64) -> io::Result<()> {
        if self.unreadable.is_some() {
            return Ok(());
        }
        let (day_period, month_period) = (self.day.period.clone(), self.month.period.clone());
        self.file.write(&Ceiling { day: day_period, day_tokens: day, month: month_period, month_tokens: month })?;
        (self.day.ceiling, self.month.ceiling) = (day, month);
        Ok(())
    }
}

fn is_limited(budget: &Budget) -> bool {
    let Budget { tokens_per_day, tokens_per_month, tokens_per_request: _ } = budget;
    tokens_per_day.is_some() || tokens_per_month.is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn moment(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn day(tokens: u64) -> Budget {
        Budget { tokens_per_day: Some(tokens), ..Budget::default() }
    }

    const NOON: &str = "2026-11-25T12:00:00Z";

    #[test]
    fn what_is_reserved_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let first = ledger.reserve(600, &day(1000), moment(NOON)).unwrap();
        assert_eq!(
            ledger.reserve(600, &day(1000), moment(NOON)).unwrap_err().refusal.code(),
            ErrorCode::BudgetExceeded
        );
        first.settle(100);
        assert_eq!(ledger.spent(), Spent { day: 100, month: 100, reserved: 0 });
        let second = ledger.reserve(600, &day(1000), moment(NOON)).unwrap();
        drop(second);
        assert_eq!(ledger.spent().day, 700, "who does not say what it cost pays what it might have");
        ledger.reserve(600, &day(1000), moment(NOON)).unwrap().settle(350);
        let unpaid = ledger.reserve(1, &day(1000), moment(NOON)).unwrap_err();
        assert_eq!(unpaid.limit, Some("tokensPerDay"));
        assert_eq!(unpaid.refusal.detail.message, "the agent has used 1050 of its 1000 tokens for this day");
    }

    #[test]
    fn one_request_has_a_limit_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let budget = Budget { tokens_per_request: Some(100), ..Budget::default() };
        assert_eq!(ledger.reserve(101, &budget, moment(NOON)).unwrap_err().refusal.code(), ErrorCode::BudgetExceeded);
        ledger.reserve(100, &budget, moment(NOON)).unwrap().settle(1);
    }

    #[test]
    fn a_day_and_a_month_begin_and_never_go_back() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let budget = Budget { tokens_per_day: Some(100), tokens_per_month: Some(150), tokens_per_request: None };
        ledger.reserve(100, &budget, moment("2026-11-29T23:59:59Z")).unwrap().settle(100);
        assert!(ledger.reserve(1, &budget, moment("2026-11-28T00:00:00Z")).is_err(), "the clock was set back");
        ledger.reserve(50, &budget, moment("2026-11-30T00:00:00Z")).unwrap().settle(50);
        let unpaid = ledger.reserve(1, &budget, moment("2026-11-30T00:00:01Z")).unwrap_err();
        assert!(unpaid.refusal.detail.message.ends_with("150 tokens for this month"), "{unpaid:?}");
        ledger.reserve(1, &budget, moment("2026-12-01T00:00:00Z")).unwrap().settle(1);
        assert_eq!(ledger.spent(), Spent { day: 1, month: 1, reserved: 0 });
    }

    #[test]
    fn a_crash_counts_nothing_too_low_and_an_end_is_exact() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let mut used = 0;
        for _ in 0..200 {
            ledger.reserve(70, &day(100_000), moment(NOON)).unwrap().settle(37);
            used += 37;
            let after_crash = Ledger::open(folder.path()).unwrap().spent().day;
            assert!((used..=used + 1000 + 70).contains(&after_crash), "{used} {after_crash}");
        }
        ledger.close().unwrap();
        assert_eq!(Ledger::open(folder.path()).unwrap().spent().day, used);
    }

    #[test]
    fn a_request_waits_for_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let mut writes = 0;
        let mut before = Vec::new();
        for _ in 0..1000 {
            ledger.reserve(10, &day(1_000_000), moment(NOON)).unwrap().settle(10);
            let now = fs::read(folder.path().join("budget.json")).unwrap();
            writes += u32::from(now != before);
            before = now;
        }
        assert!(writes <= 2, "{writes}");
    }

    #[test]
    fn books_that_cannot_be_read_give_nothing() {
        for text in ["", "{", "{\"day\":\"2026-11-25\"}", "[]"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("budget.json"), text).unwrap();
            let ledger = Ledger::open(folder.path()).unwrap();
            assert_eq!(
                ledger.reserve(1, &day(10), moment(NOON)).unwrap_err().refusal.code(),
                ErrorCode::BudgetUnavailable,
                "{text}"
            );
            ledger.reserve(1, &Budget::default(), moment(NOON)).unwrap().settle(1);
            ledger.close().unwrap();
            assert_eq!(
                fs::read_to_string(folder.path().join("budget.json")).unwrap(),
                text,
                "it is kept as it was found"
            );
        }
    }

    #[test]
    fn a_thousand_at_once_get_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let given = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        if let Ok(reservation) = ledger.reserve(10, &day(3000), moment(NOON)) {
                            given.fetch_add(10, std::sync::atomic::Ordering::Relaxed);
                            reservation.settle(10);
                        }
                    }
                });
            }
        });
        assert_eq!(given.into_inner(), 3000);
        assert_eq!(ledger.spent(), Spent { day: 3000, month: 3000, reserved: 0 });
    }
}

//! Tokens, counted. They are reserved before a request is sent and settled when its answer says what it cost.
//!
//! Not here: what a request may cost (`question`) and what it did (`usage`).
//!
//! No request waits for a disk: a file holds a ceiling that the count has not reached yet, and is only written when the count
//! reaches it. After a crash counting goes on from the ceiling, so that nothing is ever counted too low. The audit log knows how often
//! the file was written, so that an older copy of it gives nothing back.

mod file;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kars_contract::Instant;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Budget;
use serde::Serialize;

use crate::audit::{Audit, Event};
use crate::refusal::Refusal;
use file::{Ceiling, CeilingFile, FILE};

/// The part of the lowest limit by which the ceiling is ahead of the count.
const AHEAD: u64 = 100;
/// By which it is where there is no limit.
const FAR_AHEAD: u64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// What an operator does about books that are kept shut.
const RESET: &str = "put the right `budget.json` back or, to count from nothing, remove it, and start the router again";

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
    /// How often the file was written.
    writes: u64,
    /// Who remembers that; nobody in tests.
    audit: Option<Audit>,
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
    /// Opens the books in the folder of state. Books that cannot be read, or are older than the audit log knows, are kept shut, and
    /// every request with a limit refused. Books that are gone were put away by an operator: counting begins anew, which is noted.
    pub fn beside(audit: &Audit, folder: &Path) -> io::Result<Self> {
        Self::opened(folder, Some(audit.clone()))
    }

    /// The same, where nobody remembers how often they were written.
    #[cfg(test)]
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Self::opened(folder, None)
    }

    fn opened(folder: &Path, audit: Option<Audit>) -> io::Result<Self> {
        let file = CeilingFile::open(folder)?;
        let known = audit.as_ref().map_or(0, Audit::budget_writes);
        let (ceiling, unreadable) = match file.read()? {
            Ok(Some(ceiling)) if ceiling.writes < known => {
                let problem = format!("`{FILE}` is an older copy: of write {}, and {known} are known", ceiling.writes);
                (Ceiling::default(), Some(problem))
            }
            Ok(found) => (found.unwrap_or_else(|| begun_anew(audit.as_ref(), known)), None),
            Err(problem) => (Ceiling::default(), Some(problem)),
        };
        if let Some(problem) = &unreadable {
            tracing::error!(problem, "no tokens are given; {RESET}");
        }
        if let Some(audit) = audit.as_ref().filter(|_| ceiling.writes > known) {
            // The end came between the file and the log.
            audit.budget_written(ceiling.writes);
        }
        let count = |period: String, tokens: u64| Count { period, used: tokens, ceiling: tokens };
        let books = Books {
            day: count(ceiling.day, ceiling.day_tokens),
            month: count(ceiling.month, ceiling.month_tokens),
            reserved: 0,
            file,
            writes: ceiling.writes,
            audit,
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

    /// Why nothing can be counted, and what to do, where that is so.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.books().unreadable.as_ref().map(|problem| format!("{problem}; {RESET}"))
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
        let writes = self.writes + 1;
        self.file.write(&Ceiling {
            day: day_period,
            day_tokens: day,
            month: month_period,
            month_tokens: month,
            writes,
        })?;
        self.writes = writes;
        // After the file: were it before, an end in between would make the file an older copy.
        if let Some(audit) = &self.audit {
            audit.budget_written(writes);
        }
        (self.day.ceiling, self.month.ceiling) = (day, month);
        Ok(())
    }
}

/// Books without a file: those of a first run, or of an operator who has put the file away.
fn begun_anew(audit: Option<&Audit>, known: u64) -> Ceiling {
    if let Some(audit) = audit.filter(|_| known > 0) {
        let what = format!("`{FILE}` was put away after {known} writes: counting begins anew");
        tracing::warn!("{what}");
        if !audit.record(Event::Note { kind: "budget-reset", what }) {
            tracing::error!("the audit log takes no more lines");
        }
    }
    Ceiling { writes: known, ..Ceiling::default() }
}

fn is_limited(budget: &Budget) -> bool {
    let Budget { tokens_per_day, tokens_per_month, tokens_per_request: _ } = budget;
    tokens_per_day.is_some() || tokens_per_month.is_some()
}

#[cfg(test)]
mod tests;

//! The tokens that are kept. Each is exchanged by one at a time, shown until it ends, and renewed before; after a failure its
//! issuer is left alone for a while. Not here: the exchange itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use kars_contract::agent_api::ErrorCode;
use kars_kit::serve::Tasks;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::grant::Grant;
use super::token::{Moment, Token};
use crate::credentials::Secret;
use crate::jitter::Jitter;
use crate::refusal::Refusal;

/// For how long an issuer is left alone after a first failure, or half as long; it doubles with every further one.
const PAUSE: Duration = Duration::from_secs(1);
/// For how long at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// For how long at most where the issuer itself asks for it.
const LONGEST_ASKED: Duration = Duration::from_mins(5);
/// A token that its provider refuses is exchanged once in this time: a provider that refuses each of them wants no other token.
const INSTEAD: Duration = Duration::from_secs(30);

/// Exchanges grants for tokens.
pub(super) trait Issue: Send + Sync + 'static {
    /// Asks the issuer of a grant. `asked` is the moment.
    fn issue(&self, grant: &Grant, asked: Moment) -> impl Future<Output = Result<Token, Refusal>> + Send;
}

/// Tokens by grant. Cloning is cheap.
pub(super) struct Cache<I> {
    issue: Arc<I>,
    clock: fn() -> Moment,
    kept: Arc<Mutex<BTreeMap<Grant, Kept>>>,
    ended: Arc<Notify>,
    tasks: Tasks,
}

/// An exchange that is under way, for everybody who waits for it.
type Flight = Shared<BoxFuture<'static, Result<Token, Refusal>>>;

/// What is known of one grant.
#[derive(Default)]
struct Kept {
    token: Option<Token>,
    failed: Option<Failed>,
    flight: Option<Flight>,
    /// When a provider's refusal last led to an exchange.
    replaced: Option<Instant>,
}

/// How the last exchange failed.
struct Failed {
    refusal: Refusal,
    times: u32,
    until: Instant,
}

/// What can be done for who asks.
enum Found {
    /// This may be shown.
    Token(Token),
    /// This may be shown, and another should be asked for.
    Due(Token),
    /// Nothing may be shown, and it is too early to ask again.
    Failing(Refusal),
    /// The issuer must be asked.
    Nothing,
}

impl<I: Issue> Cache<I> {
    /// Keeps what is exchanged here, by this clock.
    pub(super) fn new(issue: I, clock: fn() -> Moment, tasks: Tasks) -> Self {
        Self { issue: Arc::new(issue), clock, kept: Arc::default(), ended: Arc::default(), tasks }
    }

    /// A token that may be shown now. Where there is none, all who ask wait for one exchange.
    pub(super) async fn token(&self, grant: &Grant) -> Result<Token, Refusal> {
        let flight = {
            let now = (self.clock)();
            let mut kept = self.kept();
            let one = kept.entry(grant.clone()).or_default();
            match one.find(now) {
                Found::Token(token) => return Ok(token),
                Found::Failing(refusal) => return Err(refusal),
                Found::Nothing => self.exchange(one, grant, now),
                Found::Due(token) => {
                    self.begin(one, grant, now);
                    return Ok(token);
                }
            }
        };
        flight.await
    }

    /// A token in place of one that its provider has just refused; none where there is no other.
    pub(super) async fn instead_of(&self, grant: &Grant, refused: &Secret) -> Option<Token> {
        let is_other = |token: &Token| token.secret().reveal() != refused.reveal();
        let flight = {
            let now = (self.clock)();
            let mut kept = self.kept();
            let one = kept.entry(grant.clone()).or_default();
            if let Some(token) = one.token.as_ref().filter(|token| token.is_usable(now) && is_other(token)) {
                return Some(token.clone());
            }
            let replaced = one.replaced.is_some_and(|last| now.steady.duration_since(last) < INSTEAD);
            if one.flight.is_none() && (replaced || one.pausing(now).is_some()) {
                return None;
            }
            one.replaced = Some(now.steady);
            self.exchange(one, grant, now)
        };
        flight.await.ok().filter(is_other)
    }

    /// Sees to it that a token is there before it is needed. Returns why none is.
    pub(super) fn tend(&self, grant: &Grant) -> Option<String> {
        let now = (self.clock)();
        let mut kept = self.kept();
        let one = kept.entry(grant.clone()).or_default();
        let found = one.find(now);
        if matches!(found, Found::Due(_) | Found::Nothing) {
            self.begin(one, grant, now);
        }
        match found {
            Found::Token(_) | Found::Due(_) => None,
            Found::Failing(refusal) => Some(refusal.detail.message),
            Found::Nothing => Some(match &one.failed {
                Some(failed) => failed.refusal.detail.message.clone(),
                None => "its token is being asked for".to_owned(),
            }),
        }
    }

    /// Forgets the tokens that nobody needs any more.
    pub(super) fn keep_only(&self, needed: &BTreeSet<Grant>) {
        self.kept().retain(|grant, _| needed.contains(grant));
    }

    /// Completes when an exchange has ended.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Begins an exchange that nobody waits for, where none is under way.
    fn begin(&self, one: &mut Kept, grant: &Grant, asked: Moment) {
        drop(self.exchange(one, grant, asked));
    }

    /// The exchange that is under way, or a new one. It goes on when nobody waits for it.
    fn exchange(&self, one: &mut Kept, grant: &Grant, asked: Moment) -> Flight {
        if let Some(flight) = &one.flight {
            return flight.clone();
        }
        let (issue, clock, grant) = (Arc::clone(&self.issue), self.clock, grant.clone());
        let (kept, ended) = (Arc::clone(&self.kept), Arc::clone(&self.ended));
        let task = self.tasks.spawn(async move {
            let issued = AssertUnwindSafe(issue.issue(&grant, asked)).catch_unwind().await;
            let result = issued.unwrap_or_else(|_| Err(lost()));
            if let Some(one) = locked(&kept).get_mut(&grant) {
                one.end(&result, clock());
            }
            ended.notify_one();
            result
        });
        let flight = async move { task.await.unwrap_or_else(|_| Err(lost())) }.boxed().shared();
        one.flight = Some(flight.clone());
        flight
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Grant, Kept>> {
        locked(&self.kept)
    }
}

impl Kept {
    fn find(&self, now: Moment) -> Found {
        match (self.token.as_ref().filter(|token| token.is_usable(now)), self.pausing(now)) {
            (Some(token), None) if token.is_due(now) => Found::Due(token.clone()),
            (Some(token), _) => Found::Token(token.clone()),
            (None, Some(refusal)) => Found::Failing(refusal),
            (None, None) => Found::Nothing,
        }
    }

    /// Why the issuer is not asked now, and when it will be.
    fn pausing(&self, now: Moment) -> Option<Refusal> {
        let failed = self.failed.as_ref()?;
        let left = failed.until.checked_duration_since(now.steady).filter(|left| !left.is_zero())?;
        Some(failed.refusal.clone().after(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
    }

    /// An exchange has ended. What failed takes no token away that may still be shown.
    fn end(&mut self, result: &Result<Token, Refusal>, now: Moment) {
        self.flight = None;
        match result {
            Ok(token) => (self.token, self.failed) = (Some(token.clone()), None),
            Err(refusal) => {
                let times = self.failed.as_ref().map_or(1, |failed| failed.times.saturating_add(1));
                let pause = (PAUSE * 2_u32.saturating_pow((times - 1).min(16))).min(LONGEST_PAUSE);
                let asked = Duration::from_millis(refusal.detail.retry_after_ms.unwrap_or(0));
                let jitter = Jitter::draw();
                let until = now.steady + jitter.pause(pause).max(jitter.asked(asked, LONGEST_ASKED));
                self.failed = Some(Failed { refusal: refusal.clone(), times, until });
            }
        }
    }
}

fn lost() -> Refusal {
    Refusal::new(ErrorCode::RouterFailed, "the exchange for a token did not end")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<I> Clone for Cache<I> {
    fn clone(&self) -> Self {
        Self {
            issue: Arc::clone(&self.issue),
            clock: self.clock,
            kept: Arc::clone(&self.kept),
            ended: Arc::clone(&self.ended),
            tasks: self.tasks.clone(),
        }
    }
}

impl<I> fmt::Debug for Cache<I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cache")
    }
}

#[cfg(test)]
mod tests;

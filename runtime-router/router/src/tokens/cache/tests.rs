//! What the cache does over time, with both clocks in the hands of the test. Not here: real issuers.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use tokio::time::{advance, sleep};

use super::*;

/// What an issuer does at its n-th exchange, from 0.
type Script = fn(u64) -> Result<Lasting, u64>;

/// For how long a token lasts, and after which time it is renewed.
type Lasting = (u64, u64);

const LASTING: Lasting = (1800, 1500);

thread_local! {
    /// What the clock of the wall shows more than the steady one.
    static JUMPED: Cell<i64> = const { Cell::new(0) };
    static START: Instant = Instant::now();
}

fn clock() -> Moment {
    let steady = Instant::now();
    let since = i64::try_from(steady.duration_since(START.with(|start| *start)).as_secs()).unwrap();
    Moment { wall: 1_000_000 + since + JUMPED.get(), steady }
}

struct Issuer {
    asked: Arc<AtomicU64>,
    script: Script,
}

impl Issue for Issuer {
    async fn issue(&self, _: &Grant, asked: Moment) -> Result<Token, Refusal> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(50)).await;
        let refused = |after| Refusal::new(ErrorCode::UpstreamUnavailable, format!("fault {number}")).after(after);
        let (lasts, renew) = (self.script)(number).map_err(refused)?;
        let secret = Secret::of(&format!("token-{number}"));
        let token = Token::new(secret, asked, Duration::from_secs(lasts), Some(Duration::from_secs(renew)));
        token.ok_or_else(|| refused(0))
    }
}

fn cache(script: Script) -> (Cache<Issuer>, Arc<AtomicU64>) {
    clock();
    let asked = Arc::default();
    (Cache::new(Issuer { asked: Arc::clone(&asked), script }, clock, Tasks::default()), asked)
}

fn grant() -> Grant {
    Grant::Node { resource: "https://ai.azure.com" }
}

async fn shown(cache: &Cache<Issuer>) -> String {
    match cache.token(&grant()).await {
        Ok(token) => token.secret().reveal().to_owned(),
        Err(refusal) => refusal.detail.message,
    }
}

/// Lets what is under way in the background come to its end.
async fn settle() {
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_who_ask_at_once_wait_for_one_exchange() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    let all = join_all((0..100).map(|_| shown(&cache))).await;
    assert!(all.iter().all(|token| token == "token-0"), "{all:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_goes_on_when_who_asked_has_gone() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    let waits = tokio::time::timeout(Duration::from_millis(10), cache.token(&grant())).await;
    assert!(waits.is_err());
    assert_eq!(shown(&cache).await, "token-0");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_behind_the_back_of_who_asks() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    assert_eq!(shown(&cache).await, "token-0");
    advance(Duration::from_secs(1499)).await;
    assert_eq!(shown(&cache).await, "token-0");
    settle().await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "it is not due");
    advance(Duration::from_secs(1)).await;
    let all = join_all((0..100).map(|_| shown(&cache))).await;
    assert!(all.iter().all(|token| token == "token-0"), "nobody waits: {all:?}");
    settle().await;
    assert_eq!(shown(&cache).await, "token-1");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_shown_while_it_lasts_though_its_issuer_fails() {
    let (cache, asked) = cache(|number| if number == 0 { Ok(LASTING) } else { Err(0) });
    assert_eq!(shown(&cache).await, "token-0");
    advance(Duration::from_mins(25)).await;
    assert_eq!(shown(&cache).await, "token-0");
    settle().await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(shown(&cache).await, "token-0", "five minutes are left");
    assert_eq!(cache.tend(&grant()), None);
    advance(Duration::from_millis(269_500)).await;
    assert_eq!(shown(&cache).await, "token-0");
    settle().await;
    // Less than the shortest pause.
    advance(Duration::from_millis(600)).await;
    assert_eq!(shown(&cache).await, "fault 2", "it has ended");
    assert_eq!(cache.tend(&grant()).as_deref(), Some("fault 2"));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_shows_no_dead_token() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    assert_eq!(shown(&cache).await, "token-0");
    JUMPED.set(1800);
    assert_eq!(shown(&cache).await, "token-1", "the machine has slept");
    JUMPED.set(-86_400);
    assert_eq!(shown(&cache).await, "token-1");
    advance(Duration::from_mins(30)).await;
    assert_eq!(shown(&cache).await, "token-2", "the clock was set back");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    JUMPED.set(0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_becomes_no_storm() {
    let (cache, asked) = cache(|_| Err(0));
    for _ in 0..6000 {
        assert!(shown(&cache).await.starts_with("fault"));
        advance(Duration::from_millis(100)).await;
    }
    // 1, 2, 4, 8, 16 and 32 seconds, then one a minute, or up to twice as often.
    let asked = asked.load(Ordering::SeqCst);
    assert!((12..=27).contains(&asked), "{asked}");
    let refusal = cache.token(&grant()).await.unwrap_err();
    assert!(refusal.detail.retry_after_ms.is_some_and(|after| (1..=60_000).contains(&after)));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_asks_for_time_gets_it() {
    let (cache, asked) = cache(|number| if number == 0 { Err(120_000) } else { Ok(LASTING) });
    assert_eq!(shown(&cache).await, "fault 0");
    advance(Duration::from_secs(119)).await;
    assert_eq!(shown(&cache).await, "fault 0");
    // It gets up to a quarter more.
    advance(Duration::from_secs(32)).await;
    assert_eq!(shown(&cache).await, "token-1");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    let first = cache.token(&grant()).await.unwrap();
    let wanted = grant();
    let replaced = join_all((0..100).map(|_| cache.instead_of(&wanted, first.secret()))).await;
    assert!(replaced.iter().all(|token| token.as_ref().unwrap().secret().reveal() == "token-1"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let second = cache.token(&grant()).await.unwrap();
    assert!(cache.instead_of(&grant(), second.secret()).await.is_none(), "a provider that refuses all of them");
    advance(INSTEAD).await;
    assert!(cache.instead_of(&grant(), second.secret()).await.is_some());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_exchange_is_one_failure() {
    let (cache, _) = cache(|number| if number == 0 { panic!("a fault") } else { Ok(LASTING) });
    assert_eq!(shown(&cache).await, "the exchange for a token did not end");
    advance(PAUSE).await;
    assert_eq!(shown(&cache).await, "token-1");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_needs_is_forgotten() {
    let (cache, asked) = cache(|_| Ok(LASTING));
    assert!(cache.tend(&grant()).is_some());
    settle().await;
    assert_eq!(cache.tend(&grant()), None);
    cache.keep_only(&BTreeSet::from([grant()]));
    assert_eq!(shown(&cache).await, "token-0");
    cache.keep_only(&BTreeSet::new());
    assert_eq!(shown(&cache).await, "token-1");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

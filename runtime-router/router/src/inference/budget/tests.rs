//! Counts that are reserved, settled, kept over a crash, and shared. Not here: an older copy of the file, which a router restarts with.

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
    assert_eq!(ledger.reserve(600, &day(1000), moment(NOON)).unwrap_err().refusal.code(), ErrorCode::BudgetExceeded);
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
        assert_eq!(fs::read_to_string(folder.path().join("budget.json")).unwrap(), text, "it is kept as it was found");
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

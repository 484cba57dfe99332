//! From when until when something counts: for who asks once, and for who goes on with what it has.

use kars_trust::{Freshness, Refusal};

use crate::sample::{Case, GRACE, NOT_AFTER, SERIAL, instant};

#[test]
fn it_is_fresh_then_alarming_then_over() {
    for (now, wanted) in [
        (SERIAL, Some(Freshness::Fresh)),
        (NOT_AFTER - 1, Some(Freshness::Fresh)),
        (NOT_AFTER, Some(Freshness::Alarm)),
        (NOT_AFTER + GRACE - 1, Some(Freshness::Alarm)),
        (NOT_AFTER + GRACE, None),
    ] {
        let case = Case { now, ..Case::good() };
        match (case.ask(), wanted) {
            (Ok(verified), Some(wanted)) => assert_eq!(verified.freshness(instant(now)), wanted, "{now}"),
            (Err(Refusal::Expired { not_after }), None) => assert_eq!(not_after, instant(NOT_AFTER)),
            (answer, _) => panic!("{now}: {answer:?}"),
        }
    }
}

#[test]
fn who_asks_once_takes_only_what_is_fresh() {
    let fresh_at = |now: u64| Case { now, ..Case::good() }.ask().unwrap().fresh(instant(now));
    assert!(fresh_at(NOT_AFTER - 1).is_ok());
    assert_eq!(fresh_at(NOT_AFTER).unwrap_err().exit_code(), 16);
}

#[test]
fn what_was_accepted_runs_out_while_it_is_used() {
    let verified = Case::good().ask().unwrap();
    let later = [NOT_AFTER, NOT_AFTER + GRACE].map(|now| verified.freshness(instant(now)));
    assert_eq!(later, [Freshness::Alarm, Freshness::Expired]);
}

#[test]
fn without_grace_it_ends_at_once_and_with_all_of_it_never() {
    for (grace, wanted) in [(0, false), (u64::MAX, true)] {
        let mut case = Case::good();
        case.claim(|claims| claims.grace = grace);
        case.now = NOT_AFTER;
        assert_eq!(case.ask().is_ok(), wanted, "{grace}");
    }
}

//! Providers that all fail at once: they are not met by more requests than there are. Not here: one that fails while another answers
//! (`inference`), and for how long one is left alone, which the breaker's own tests ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::inference::router;
use crate::provider::{Provider, whole};
use serde_json::json;

#[test]
fn an_outage_is_not_met_by_twice_the_requests() {
    const AT_ONCE: usize = 200;
    const EACH: usize = 5;
    let arrived = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&arrived);
    let main = Provider::start(move |_, _, stream| {
        // The first two hundred fail together, as in an outage: nobody has been left alone before.
        seen.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(20);
        while seen.load(Ordering::Relaxed) < AT_ONCE && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        whole(stream, 503, "", r#"{"error":{"message":"an outage"}}"#)
    });
    let spare = Provider::start(|_, _, stream| whole(stream, 503, "", r#"{"error":{"message":"an outage"}}"#));
    let router = router(main.address, spare.address, &json!({}));
    let (began, own_words) = (Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for _ in 0..EACH {
                    let answer = router.post("/v1/chat/completions", &[], r#"{"messages":[]}"#);
                    assert_eq!(answer.status, 503, "{}", answer.body);
                    own_words.fetch_add(usize::from(answer.body.contains("an outage")), Ordering::Relaxed);
                }
            });
        }
    });
    let (asked, spare_asked, told) = (main.asked().len(), spare.asked().len(), own_words.into_inner());
    assert!(asked >= AT_ONCE, "{asked} reached the first");
    // Who was asked at all is told what a provider says, once, however many were asked; the second is asked first where the first is
    // left alone.
    let again = asked + spare_asked - told;
    // Ten, a tenth of the requests, and one for each second that it took.
    let most = 10 + AT_ONCE * EACH / 10 + usize::try_from(began.elapsed().as_secs()).unwrap_or(usize::MAX) + 1;
    assert!((1..=most).contains(&again), "{again} of {told} were sent once more");
    assert!(asked + spare_asked < AT_ONCE * EACH / 2, "{asked} and {spare_asked}: the rest is left alone");
    assert!(told >= AT_ONCE - most, "{told} read what a provider says");
}

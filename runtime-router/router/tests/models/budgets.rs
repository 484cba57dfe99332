//! Budgets under a crowd, for clients that leave, and after an end at any moment. Not here: what one request costs (`inference`).

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inference::alone;
use crate::provider::{Provider, end, events, piece, whole};
use crate::slow::{asking, used};
use crate::support::Router;

const ANSWER: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":90,"total_tokens":100}}"#;
/// It reserves 11 tokens for its prompt and 90 for its answer.
const QUESTION: &str = r#"{"messages":[],"max_tokens":90}"#;
const RESERVED: u64 = 101;
const PATIENCE: Duration = Duration::from_secs(20);

fn reserved(router: &Router) -> u64 {
    let budgets: Value = serde_json::from_str(&router.ctl("budgets")).expect("it is JSON");
    budgets["used"]["reserved"].as_u64().expect("it is a number")
}

fn ask(router: &Router) -> (u16, Value) {
    let answer = router.post("/v1/chat/completions", &[], QUESTION);
    (answer.status, answer.json()["error"]["code"].clone())
}

#[test]
fn two_hundred_at_once_get_what_there_is_for_ten() {
    const CROWD: usize = 200;
    let decided = Arc::new(AtomicUsize::new(0));
    let others = Arc::clone(&decided);
    let provider = Provider::start(move |_, _, stream| {
        others.fetch_add(1, Ordering::Relaxed);
        // Nobody is answered before everybody has been decided.
        let until = Instant::now() + PATIENCE;
        while others.load(Ordering::Relaxed) < CROWD && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        whole(stream, 200, "", ANSWER)
    });
    let router = alone(&provider, &json!({"tokensPerDay": 1000}));
    let start = Barrier::new(CROWD);
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                start.wait();
                match ask(&router) {
                    (200, _) => _ = answered.fetch_add(1, Ordering::Relaxed),
                    refused => {
                        assert_eq!(refused, (429, json!("budget.exceeded")));
                        decided.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let served = provider.asked().len();
    // Nine fit at once; what they left of what they had set aside is not enough for another beside them.
    assert_eq!((served, answered.into_inner()), (9, 9));
    assert_eq!(used(&router), 900);
    assert_eq!(ask(&router).0, 200, "one that is alone may use up the rest");
    assert_eq!(ask(&router), (429, json!("budget.exceeded")));
    assert_eq!(used(&router), 1000);
}

#[test]
fn a_hundred_that_leave_before_the_last_event_pay_what_was_set_aside() {
    const CROWD: u64 = 100;
    let provider = Provider::start(|_, _, stream| {
        let sent = events(stream) && piece(stream, "data: {\"choices\":[]}\n\n");
        // The event that says what it cost would come now; the router hangs up before.
        let hung_up = stream.read(&mut [0]).is_ok_and(|read| read == 0);
        assert!(sent && hung_up, "a provider whose client has left is hung up on");
        false
    });
    let router = alone(&provider, &json!({"tokensPerDay": 10_000_000}));
    let clients: Vec<TcpStream> = (0..CROWD).map(|_| asking(&router)).collect();
    for mut client in &clients {
        let (mut read, mut bytes) = (Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&read).contains("choices") {
            let length = client.read(&mut bytes).expect("it answers");
            assert!(length > 0, "{}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&bytes[..length]);
        }
    }
    let aside = reserved(&router);
    assert!(aside >= CROWD * 1000 && aside.is_multiple_of(CROWD), "{aside}");
    drop(clients);
    assert_eq!(used(&router), aside);
}

#[test]
fn a_kill_counts_nothing_too_low() {
    let provider = Provider::start(|number, _, stream| {
        if number != 3 {
            return whole(stream, 200, "", ANSWER);
        }
        // The fourth is under way when the router is killed.
        events(stream) && piece(stream, "data: {}\n\n") && stream.read(&mut [0]).is_ok() && end(stream)
    });
    let router = alone(&provider, &json!({"tokensPerDay": 10_000}));
    for _ in 0..3 {
        assert_eq!(ask(&router).0, 200);
    }
    assert_eq!(used(&router), 300);
    let mut client = TcpStream::connect(router.api()).expect("it listens");
    let body = QUESTION.replace("90", "90,\"stream\":true");
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n", body.len());
    client.write_all((head + &body).as_bytes()).expect("it reads");
    assert!(client.read(&mut [0; 16]).is_ok_and(|read| read > 0), "the fourth has begun");
    let under_way = reserved(&router);
    assert!(under_way >= RESERVED, "{under_way}");
    let router = router.restarted();
    let after = used(&router);
    // The ceiling on the disk is a hundredth of the budget ahead.
    assert!((300 + under_way..=300 + under_way + 100 + RESERVED).contains(&after), "{after}");
    assert_eq!(ask(&router).0, 200, "there is more");
}

#[test]
fn a_count_that_was_cut_gives_nothing_until_somebody_looks() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let mut router = alone(&provider, &json!({"tokensPerDay": 100_000}));
    assert_eq!(ask(&router).0, 200);
    let path = router.folder().join("state/budget.json");
    let good = fs::read(&path).expect("it is written");
    for size in [0, 1, good.len() / 2, good.len() - 2] {
        fs::write(&path, &good[..size]).expect("it can be written");
        router = router.restarted();
        assert_eq!(ask(&router), (503, json!("budget.unavailable")), "cut at {size}");
        assert_eq!(fs::read(&path).expect("it is there"), &good[..size], "it is kept as it was found");
    }
    assert_eq!(provider.asked().len(), 1);
    fs::write(&path, &good).expect("it can be written");
    router = router.restarted();
    assert_eq!(ask(&router).0, 200, "somebody has put it right");
}

/// How often the router has written the file of the budget, once the audit log knows of it.
fn known_writes(router: &Router) -> u64 {
    let read = |name: &str| -> Value {
        // The log's head has no text before its first line.
        serde_json::from_slice(&fs::read(router.folder().join(name)).expect("it is there")).unwrap_or_default()
    };
    let until = Instant::now() + PATIENCE;
    loop {
        let (writes, known) = (read("state/budget.json")["writes"].clone(), read("state/audit/head.json"));
        if writes == known["budgetWrites"] {
            return writes.as_u64().expect("it is a number");
        }
        assert!(Instant::now() < until, "{writes} {known}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// INF-19.
#[test]
fn an_older_copy_of_the_count_gives_nothing_back() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let mut router = alone(&provider, &json!({"tokensPerDay": 1000}));
    let path = router.folder().join("state/budget.json");
    assert_eq!(ask(&router).0, 200);
    let (older, first) = (fs::read(&path).expect("it is written"), known_writes(&router));
    assert_eq!((ask(&router).0, ask(&router).0), (200, 200));
    let (newest, last) = (fs::read(&path).expect("it is written"), known_writes(&router));
    assert!(first < last, "{first} {last}");
    let uncounted = String::from_utf8(newest.clone()).expect("it is text").replace(&format!(",\"writes\":{last}"), "");
    for copy in [&older, uncounted.as_bytes()] {
        fs::write(&path, copy).expect("it can be written");
        router = router.restarted();
        assert_eq!(ask(&router), (503, json!("budget.unavailable")));
        let told = router.ctl("budgets");
        assert!(told.contains("is an older copy") && told.contains("remove it"), "{told}");
        assert!(router.log().contains("is an older copy"), "{}", router.log());
        assert_eq!(fs::read(&path).expect("it is there"), *copy, "it is kept as it was found");
    }
    assert_eq!(provider.asked().len(), 3);
    fs::write(&path, &newest).expect("it can be written");
    router = router.restarted();
    assert!(used(&router) >= 300 && !router.ctl("budgets").contains("problem"), "{}", router.ctl("budgets"));
    // The operator's reset is a line of the log, and makes no older copy good.
    fs::remove_file(&path).expect("it is there");
    router = router.restarted();
    assert_eq!((ask(&router).0, used(&router)), (200, 100));
    assert!(known_writes(&router) > last);
    assert!(router.audit().contains("budget-reset"), "{}", router.audit());
    fs::write(&path, &newest).expect("it can be written");
    router = router.restarted();
    assert_eq!(ask(&router), (503, json!("budget.unavailable")));
}

#[test]
fn a_count_of_an_earlier_version_goes_on() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = alone(&provider, &json!({"tokensPerDay": 1000}));
    assert_eq!((ask(&router).0, ask(&router).0), (200, 200));
    let writes = known_writes(&router);
    for (name, count) in [("budget.json", "writes"), ("audit/head.json", "budgetWrites")] {
        let path = router.folder().join("state").join(name);
        let text = fs::read_to_string(&path).expect("it is there");
        let before = text.replace(&format!(",\"{count}\":{writes}"), "");
        assert!(before.len() < text.len(), "{text}");
        fs::write(&path, before).expect("it can be written");
    }
    let router = router.restarted();
    assert!(used(&router) >= 200, "{}", router.ctl("budgets"));
    assert_eq!(ask(&router).0, 200);
    assert_eq!(known_writes(&router), 1);
    assert_eq!(router.audit().matches("budget-reset").count(), 0);
}

#[test]
fn nothing_is_given_while_the_count_cannot_be_written() {
    let provider = Provider::start(|_, _, stream| whole(stream, 200, "", ANSWER));
    let router = alone(&provider, &json!({"tokensPerDay": 100_000}));
    let path = router.folder().join("state/budget.json");
    // A folder in the place of the file, which not even the administrator replaces by a file.
    fs::create_dir(&path).expect("it can be made");
    assert_eq!(ask(&router), (503, json!("budget.unavailable")));
    assert_eq!(provider.asked().len(), 0);
    assert_eq!(used(&router), 0, "what was not given is not counted");
    fs::remove_dir(&path).expect("it can be removed");
    assert_eq!(ask(&router).0, 200);
    assert_eq!(used(&router), 100);
}

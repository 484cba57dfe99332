//! More than there is room for: clients without files for them, hosts without end, documents without end. Not here: what needs a
//! network (`tests/router-net`).

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Router, command, document, write};

const GOOD: &[(&str, &[u16])] = &[("good.example.org", &[443])];

/// A router that may have so many files open.
fn with_files(most: u32) -> Router {
    let folder = tempfile::tempdir().unwrap();
    let mut document = document(GOOD);
    // The crowd waits for longer than the test.
    document["limits"]["headerSeconds"] = json!(10);
    write(folder.path(), &document);
    let inner = command(folder.path());
    let mut outer = Command::new("sh");
    outer.args(["-c", &format!("ulimit -n {most} && exec \"$0\"")]).arg(inner.get_program()).env_clear();
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let router = Router::run(folder, outer);
    // It asks itself whether it enforces its document, for which a crowd would leave no room.
    router.wait_until("it is ready", |router| router.ready().0 == 200);
    router
}

/// What a listener says at once to clients that say half a sentence, and the clients.
fn crowd(router: &Router, kind: &str, half: &[u8], size: usize) -> (Vec<TcpStream>, usize) {
    let clients: Vec<TcpStream> = (0..size)
        .map(|_| {
            let mut client = TcpStream::connect(router.address(kind)).unwrap();
            // One that is turned away may be told so before it speaks.
            client.write_all(half).ok();
            client
        })
        .collect();
    let turned_away = |client: &&TcpStream| {
        client.set_nonblocking(true).unwrap();
        let mut answer = [0; 12];
        client.peek(&mut answer).is_ok_and(|length| length == 12) && answer == *b"HTTP/1.1 503"
    };
    let (until, mut away) = (Instant::now() + Duration::from_secs(20), 0);
    while away < size / 3 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
        away = clients.iter().filter(turned_away).count();
    }
    (clients, away)
}

#[test]
fn without_files_clients_are_turned_away_and_probes_are_answered() {
    let router = with_files(256);
    for (kind, half) in [("proxy", &b"CONNECT good"[..]), ("api", b"POST /agt/eva")] {
        let (clients, away) = crowd(&router, kind, half, 300);
        assert!(away >= 100, "{kind}: {away} of 300 were turned away");
        assert!(away < 300, "{kind}: somebody is served");
        let asked = Instant::now();
        assert!(router.page("/livez").starts_with("HTTP/1.1 200 "), "{kind}");
        let (status, told) = router.ready();
        assert_eq!(status, 200, "{kind}: {told}");
        assert!(router.metric("proxy_connections") > 0 || kind == "api", "{kind}");
        assert!(router.ctl(&["status"]).status.success(), "{kind}: the operator is answered, too");
        assert!(asked.elapsed() < Duration::from_secs(5), "{kind}: {:?}", asked.elapsed());
        drop(clients);
        router.wait_until("the next client is served", |router| {
            let mut client = TcpStream::connect(router.address("proxy")).unwrap();
            // One that is turned away may find the connection broken.
            client.write_all(b"CONNECT evil.example.org:443 HTTP/1.1\r\nhost: a\r\n\r\n").ok();
            let mut answer = [0; 12];
            client.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 403"
        });
        let (_, reply) = router.ask("POST", "/egress/fetch", &json!({"url": "https://good.example.org/"}));
        assert_eq!(reply["error"]["code"], "egress.unresolved", "{kind}: {reply}");
    }
    let verified = router.ctl(&["audit"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// The names of the series on the page of metrics.
fn series(router: &Router) -> Vec<String> {
    let page = router.page("/metrics");
    let series = page.lines().filter(|line| line.starts_with("kars_router_"));
    series.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

fn question(host: &str) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in host.split('.') {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend_from_slice(label.as_bytes());
    }
    packet.extend_from_slice(&[0, 0, 1, 0, 1]);
    packet
}

#[test]
fn hosts_without_end_cost_nothing_that_lasts() {
    const HOSTS: u32 = 4_000;
    let router = Router::start(GOOD);
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut client = TcpStream::connect(router.address("api")).unwrap();
    let mut ask = |number: u32| {
        let host = format!("h{number}.evil.example");
        asker.send_to(&question(&host), router.address("dns")).unwrap();
        assert!(asker.recv(&mut [0; 512]).unwrap() > 12);
        let body = json!({"url": format!("https://{host}/")}).to_string();
        let head = "POST /egress/fetch HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ";
        client.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let length = client.read(&mut answer).unwrap();
        assert!(length > 0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    for number in 0..500 {
        ask(number);
    }
    let (series_before, memory) = (series(&router), router.memory());
    for number in 500..HOSTS {
        ask(number);
    }
    let more: Vec<_> = series(&router).into_iter().filter(|series| !series_before.contains(series)).collect();
    assert_eq!(more, [""; 0], "no host makes a series");
    assert!(series_before.len() > 50, "{series_before:?}");
    let grown = router.memory().saturating_sub(memory);
    assert!(grown < 24, "{grown} MiB more for {HOSTS} hosts");
    let shown = router.ctl(&["decisions", "-n", "1000", "-o", "json"]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout).lines().count(), 1000, "what is shown has a bound");
    assert!(!router.ctl(&["decisions", "-n", "1001"]).status.success(), "and none above it");
}

#[test]
fn what_an_agent_writes_stays_within_its_line() {
    let router = Router::start(GOOD);
    for host in ["a\u{1b}[2Jb", "a\r\nb", "a\u{0}b", "a\u{2028}b", "a\"},{\"b", "\u{202e}moc.live", "a\u{7f}b"] {
        let url = format!("https://{host}.example/");
        let (status, reply) = router.ask("POST", "/egress/fetch", &json!({"url": url}));
        assert_eq!((status, &reply["error"]["code"]), (400, &json!("args.wrong")), "{host:?}: {reply}");
        let target = format!("CONNECT {host}.example:443 HTTP/1.1\r\nhost: a\r\n\r\n");
        let answer = router.say("proxy", target.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host:?}: {answer}");
        let raw = |text: &str| text.chars().any(|letter| letter.is_control() && !"\r\n".contains(letter));
        assert!(!raw(&answer) && !raw(&reply.to_string()), "{host:?}: {answer}");
    }
    let shown = router.ctl(&["decisions", "-o", "json"]);
    let lines = String::from_utf8(shown.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 7, "{lines:?}");
    for line in lines {
        assert_eq!(line["allowed"], false, "{line}");
        let what = line["what"].as_str().unwrap();
        assert!(!what.chars().any(char::is_control), "{what:?}");
    }
    let shown = String::from_utf8(router.ctl(&["decisions"]).stdout).unwrap();
    assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n'), "{shown:?}");
}

#[test]
fn documents_without_end_are_looked_at_once_a_second() {
    let router = Router::start(GOOD);
    let first = router.ready().1["generation"].as_u64().unwrap();
    let began = Instant::now();
    let mut written = 0_u64;
    while began.elapsed() < Duration::from_secs(3) {
        written += 1;
        router.rewrite(&[(&format!("h{written}.example.org"), &[443])]);
        std::thread::sleep(Duration::from_millis(5));
    }
    let served = router.ready().1["generation"].as_u64().unwrap() - first;
    assert!(written > 50, "{written} documents were written");
    assert!((1..=began.elapsed().as_secs() + 2).contains(&served), "{served} of {written} were served");
    router.rewrite(GOOD);
    router.wait_until("the last one is served", |router| {
        let asked = json!({"url": "http://good.example.org:81/"});
        router.ask("POST", "/egress/fetch", &asked).1["error"]["rule"].is_string()
    });
}

#[test]
fn a_document_may_be_large_and_no_larger() {
    let router = Router::start(GOOD);
    let listed = |router: &Router, host: &str| {
        let asked = json!({"url": format!("http://{host}:81/")});
        router.ask("POST", "/egress/fetch", &asked).1["error"]["rule"].is_string()
    };
    let many = |hosts: u32| {
        let mut document = document(&[]);
        let rule = |number: u32| json!({"id": format!("e[{number}]"), "host": format!("h{number}.example.org"), "ports": [443], "reason": "", "labels": []});
        document["egress"] = (0..hosts).map(rule).collect();
        document
    };
    place(&router, &many(100_000));
    router.wait_until("a hundred thousand hosts", |router| listed(router, "h99999.example.org"));
    let asked = Instant::now();
    for number in 0..50 {
        assert!(listed(&router, &format!("h{}.example.org", number * 1999)), "{number}");
        assert!(!listed(&router, &format!("g{number}.example.org")), "{number}");
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?} for a hundred decisions", asked.elapsed());
    place(&router, &many(200_000));
    router.wait_until("two hundred thousand are too many bytes", |router| {
        router.ready().1["stale"].as_str().is_some_and(|stale| stale.contains("8 MiB") || stale.contains("larger"))
    });
    assert!(listed(&router, "h99999.example.org"), "what was served goes on");
}

fn place(router: &Router, document: &Value) {
    let next = router.folder().join("next.json");
    std::fs::write(&next, document.to_string()).unwrap();
    std::fs::rename(next, router.folder().join("router.json")).unwrap();
}

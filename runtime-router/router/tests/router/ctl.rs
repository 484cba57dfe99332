//! What an operator asks of a running router. Not here: who may ask, which the socket's own check decides.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::Router;

const GOOD: &[(&str, &[u16])] = &[("good.example.org", &[443])];

fn connect(router: &Router, host: &str) {
    router.say("proxy", format!("CONNECT {host}:443 HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
}

fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn decisions_are_listed_by_what_is_asked() {
    let router = Router::start(GOOD);
    assert_eq!(router.ready().0, 200);
    connect(&router, "evil.example.org");
    connect(&router, "good.example.org");
    // What is allowed is written down, and so is that it was not reached.
    let mut all = lines(&router.ctl(&["decisions"]));
    let probe = all.remove(0);
    assert!(probe.ends_with("  kars-probe.invalid:443  host-not-listed"), "the router asks itself first: {probe}");
    assert!(
        all[0].ends_with("  evil.example.org:443  host-not-listed") && all[0].contains(" refused connect "),
        "{all:?}"
    );
    assert!(all[1].contains(" allowed connect ") && all[1].contains("  listed  egress[0]"), "{all:?}");
    assert_eq!(lines(&router.ctl(&["decisions", "-n", "1"])), all[2..]);
    assert_eq!(
        lines(&router.ctl(&["decisions", "--denied", "--since", "1h"])),
        [&[probe][..], &all[..1], &all[2..]].concat()
    );
    assert_eq!(lines(&router.ctl(&["decisions", "--since", "2999-01-01T00:00:00Z"])), [""; 0]);
    let json: Vec<Value> = lines(&router.ctl(&["decisions", "-o", "json"]))
        .iter()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!((json.len(), &json[1]["allowed"], &json[2]["rule"]), (4, &false.into(), &"egress[0]".into()));
    for wrong in [["-n", "0"], ["-n", "1001"], ["--since", "yesterday"]] {
        let output = router.ctl(&[&["decisions"][..], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn who_follows_sees_what_comes() {
    let router = Router::start(GOOD);
    let mut following =
        router.ctl_command(&["decisions", "--denied", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(following.stdout.take().unwrap()).lines();
    for host in ["kars-probe.invalid", "one.example.org", "two.example.org"] {
        // The router has asked for the first by itself.
        if !host.starts_with("kars-probe") {
            connect(&router, host);
        }
        let line = shown.next().expect("it goes on").unwrap();
        assert!(line.contains(host), "{line}");
    }
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn the_log_is_whole_until_somebody_changes_it() {
    let router = Router::start(GOOD);
    connect(&router, "evil.example.org");
    lines(&router.ctl(&["decisions"]));
    let whole = router.ctl(&["audit"]);
    let state: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!((whole.status.code(), &state["writes"], &state["problem"]), (Some(0), &true.into(), &Value::Null));
    assert!(state["head"]["seq"].as_u64().unwrap() >= 2 && state["head"]["hash"].is_string(), "{state}");
    let segment = fs::read_dir(router.folder().join("audit")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "jsonl")).unwrap();
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replace("evil.example.org", "good.example.org")).unwrap();
    let broken = router.ctl(&["audit"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stderr).contains(".jsonl`:"), "{broken:?}");
}

#[test]
fn nobody_answers_where_no_router_runs() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::support::command(folder.path()).args(["ctl", "decisions"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no router answers in"), "{output:?}");
}

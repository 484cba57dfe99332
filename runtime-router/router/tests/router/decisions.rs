//! What decides, what is written down of it, and that nothing an agent can call changes it. Not here: hosts that answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kars_contract::Instant;
use serde_json::{Value, json};

use crate::support::{Router, command, document, write};

fn served(edit: impl FnOnce(&mut Value)) -> Router {
    let folder = tempfile::tempdir().unwrap();
    let mut document = document(&[("good.example.org", &[443])]);
    edit(&mut document);
    write(folder.path(), &document);
    let command = command(folder.path());
    Router::run(folder, command)
}

fn rule(id: &str, effect: &str, tool: &str, args: &Value) -> Value {
    json!({"id": id, "effect": effect, "tool": tool, "when": {"args": args}, "enforced": "runtime"})
}

#[test]
fn a_deny_wins_wherever_it_stands_and_sets_add_up() {
    let tool = json!({"id": "agents.a.tools[hermes.file.*]", "tool": "hermes.file.write_file", "enforced": "runtime"});
    let allow = rule("rules.house[0]", "allow", "hermes.file.write_file", &json!({"path": {"under": "/sandbox"}}));
    let deny = rule("rules.team[0]", "deny", "hermes.file.*", &json!({"path": {"under": "/sandbox/keys"}}));
    let other = rule("rules.team[1]", "allow", "hermes.file.write_file", &json!({"path": {"under": "/tmp"}}));
    for rules in [[&allow, &deny, &other], [&deny, &other, &allow], [&other, &allow, &deny]] {
        let router = served(|document| {
            document["tools"].as_array_mut().unwrap().push(tool.clone());
            document["rules"] = json!(rules);
        });
        let first_allow = rules.iter().find(|rule| rule["effect"] == "allow").unwrap()["id"].clone();
        for (args, allowed, rule) in [
            (json!({"path": "/sandbox/a"}), true, json!("rules.house[0]")),
            (json!({"path": "/tmp/a"}), true, json!("rules.team[1]")),
            (json!({"path": "/sandbox/keys/a"}), false, json!("rules.team[0]")),
            (json!({"path": "/etc/a"}), false, first_allow.clone()),
            (json!({"path": "/sandbox/../etc/a"}), false, json!("rules.team[0]")),
        ] {
            let (_, told) =
                router.ask("POST", "/agt/evaluate", &json!({"tool": "hermes.file.write_file", "args": args}));
            assert_eq!((&told["allowed"], &told["rule"]), (&json!(allowed), &rule), "{args}: {told}");
        }
    }
}

#[test]
fn a_denied_tool_is_denied_with_anything_behind_its_name() {
    let tool =
        json!({"id": "agents.a.tools[hermes.agent.*]", "tool": "hermes.agent.delegate_task", "enforced": "runtime"});
    let ask = |router: &Router, action: &str| router.ask("POST", "/agt/evaluate", &json!({"action": action})).1;
    let actions = ["tool:delegate_task", "tool:delegate_task:x", "tool:delegate_task:x:y", "tool:delegate_task:"];
    for (rules, allowed, by) in [
        (json!([]), true, "agents.a.tools[hermes.agent.*]"),
        (json!([rule("rules.house[0]", "deny", "hermes.agent.delegate_task", &json!({}))]), false, "rules.house[0]"),
    ] {
        let router = served(|document| {
            document["tools"].as_array_mut().unwrap().push(tool.clone());
            document["rules"] = rules;
        });
        for action in actions {
            let told = ask(&router, action);
            assert_eq!((&told["allowed"], &told["rule"]), (&json!(allowed), &json!(by)), "{action}: {told}");
        }
        assert_eq!(ask(&router, "tool:delegate_tasks")["allowed"], false);
        assert_eq!(ask(&router, "shell:delegate_task")["allowed"], false);
    }
}

#[test]
fn nothing_that_an_agent_can_call_changes_what_is_allowed() {
    let router = served(|_| ());
    let before = router.ready().1;
    let body = json!({"enabled": true, "learn": true, "model": "x", "global_rate": -5, "host": "evil.example.org"});
    for path in [
        "/egress/learn",
        "/egress/learned/clear",
        "/admin/model",
        "/agt/rate-limit",
        "/agt/policy",
        "/internal/policy-status",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let (status, told) = router.ask(method, path, &body);
            assert_eq!((status, &told["error"]["code"]), (404, &json!("route.unknown")), "{method} {path}");
        }
    }
    for path in ["/agt/trust", "/agt/signing-counter"] {
        assert_eq!(router.ask("POST", path, &body).0, 202);
    }
    let fetched = router.ask("POST", "/egress/fetch", &json!({"url": "https://evil.example.org/"})).1;
    assert_eq!(fetched["error"]["code"], "egress.denied");
    assert_eq!(router.ready().1, before);
}

#[test]
fn a_rule_ends_at_its_moment_without_another_document() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let until = Instant::from_unix_seconds(i64::try_from(now).unwrap() + 4).unwrap();
    let router = served(|document| document["egress"][0]["until"] = json!(until));
    let ask = |router: &Router| router.ask("POST", "/egress/fetch", &json!({"url": "https://good.example.org/"})).1;
    // It is allowed, and gets as far as the resolver, which is not there.
    assert_eq!(ask(&router)["error"]["code"], "egress.unresolved");
    router.wait_until("the end", |router| ask(router)["error"]["message"].as_str().unwrap().contains("rule-ended"));
    assert_eq!(router.metric("policy_generation"), 1);
}

#[test]
fn the_log_is_whole_across_a_restart_and_names_the_byte_that_is_not() {
    let router = served(|_| ());
    let ask = |router: &Router| router.ask("POST", "/egress/fetch", &json!({"url": "https://evil.example.org/"}));
    ask(&router);
    wait_for_lines(&router, 1);
    let folder = router.ended();
    let command = command(folder.path());
    let router = Router::run(folder, command);
    ask(&router);
    wait_for_lines(&router, 2);
    let folder = router.ended();
    let whole = verified(folder.path());
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    assert!(String::from_utf8_lossy(&whole.stdout).starts_with("whole: "));
    let file =
        logs(folder.path()).into_iter().find(|file| fs::read_to_string(file).unwrap().contains("evil.example.org"));
    let file = file.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let number = text.lines().position(|line| line.contains("evil.example.org")).unwrap();
    let seq: Value = serde_json::from_str(text.lines().nth(number).unwrap()).unwrap();
    fs::write(&file, text.replacen("evil.example.org", "evil.example.orh", 1)).unwrap();
    let broken = verified(folder.path());
    let told = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert_eq!(broken.status.code(), Some(1), "{told}");
    assert!(told.contains(&seq["seq"].to_string()), "{seq}: {told}");
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("audit")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

fn wait_for_lines(router: &Router, wanted: usize) {
    router.wait_until("its lines", |router| {
        let text = logs(router.folder()).iter().map(|file| fs::read_to_string(file).unwrap()).collect::<String>();
        text.matches("evil.example.org").count() >= wanted
    });
    std::thread::sleep(Duration::from_millis(50));
}

fn verified(folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kars-router"));
    command.args(["audit", "verify"]).arg(folder.join("audit")).output().unwrap()
}

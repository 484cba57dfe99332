//! The built-in responder, as a process: what it answers, refuses and does not start with. Not here: messages between agents.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use kars_router::echo;
use serde_json::{Value, json};

struct Echo {
    process: Child,
    address: SocketAddr,
}

impl Drop for Echo {
    fn drop(&mut self) {
        if self.process.kill().and_then(|()| self.process.wait()).is_err() {
            eprintln!("the responder was gone already");
        }
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kars-router"));
    command.env_clear().arg("echo").args(arguments);
    command
}

impl Echo {
    fn start() -> Self {
        let mut started = command(&["--listen", "127.0.0.1:0"]);
        let mut process = started.env("SANDBOX_NAME", "pong").stderr(Stdio::piped()).spawn().unwrap();
        let line = BufReader::new(process.stderr.take().unwrap()).lines().next().unwrap().unwrap();
        let serving: Value = serde_json::from_str(&line).unwrap();
        Self { process, address: serving["address"].as_str().unwrap().parse().unwrap() }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Whoever is refused may find nobody who reads on.
        stream.write_all(body.as_bytes()).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn prompt(&self, body: &str) -> (u16, Value) {
        let (status, answer) = self.ask("POST", echo::PROMPT, body);
        (status, serde_json::from_str(&answer).unwrap())
    }
}

#[test]
fn it_says_back_what_a_user_said_last() {
    let echo = Echo::start();
    assert_eq!(echo.ask("GET", echo::HEALTH, ""), (200, "ok\n".to_owned()));
    let parts = json!([{"type": "text", "text": "one "}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "two"}]);
    for (messages, said) in [
        (json!([{"role": "user", "content": "hello-from-ping"}]), "hello-from-ping"),
        (json!([{"role": "user", "content": parts}]), "one two"),
        (json!([{"role": "user", "content": ""}]), ""),
        (json!([{"role": "user", "content": "\"quoted\"\n ü"}]), "\"quoted\"\n ü"),
        (
            json!([{"role": "system", "content": "be brief"}, {"role": "user", "content": "first"},
                {"role": "assistant", "content": null, "tool_calls": []}, {"role": "user", "content": "last"}, {"role": "assistant"}]),
            "last",
        ),
    ] {
        let (status, answer) = echo.prompt(&json!({"model": "any", "messages": messages, "stream": false}).to_string());
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            answer["choices"][0]["message"],
            json!({"role": "assistant", "content": format!("echo(pong): {said}")})
        );
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    }
}

#[test]
fn it_refuses_what_is_no_prompt() {
    let echo = Echo::start();
    for (body, told) in [
        ("", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("{}", "missing field `messages`"),
        ("{\"messages\":", "EOF"),
        (r#"{"messages":[{"role":"user","content":7}]}"#, "did not match"),
        (r#"{"messages":[]}"#, "`messages` has none of a user"),
        (r#"{"messages":[{"role":"system","content":"x"}]}"#, "`messages` has none of a user"),
        (r#"{"messages":[{"role":"user","content":"x"}],"stream":true}"#, "answers whole"),
    ] {
        let (status, answer) = echo.prompt(body);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("args.wrong")), "{body}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(told), "{body}: {answer}");
    }
    let (status, answer) = echo.prompt(&" ".repeat(10 * 1024 * 1024 + 1));
    assert_eq!((status, &answer["error"]["code"]), (413, &json!("request.too_large")), "{answer}");
    for (method, path) in [("GET", "/"), ("GET", echo::PROMPT), ("POST", echo::HEALTH), ("POST", "/v1/responses")] {
        let (status, answer) = echo.ask(method, path, "{}");
        assert_eq!(status, 404, "{method} {path}: {answer}");
        assert!(answer.contains("it serves `GET /health` and `POST /v1/chat/completions`"), "{answer}");
    }
}

#[test]
fn a_signal_ends_it() {
    let mut echo = Echo::start();
    let sent = Command::new("kill").args(["-s", "TERM", &echo.process.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(echo.process.wait().unwrap().code(), Some(0));
}

#[test]
fn it_starts_with_a_name_on_loopback_alone() {
    let failed = |arguments: &[&str], name: &str, code: i32, told: &str| {
        let Output { status, stderr, .. } = command(arguments).env("SANDBOX_NAME", name).output().unwrap();
        let text = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(code), "{text}");
        assert!(text.contains(told), "{text}");
    };
    failed(&[], "", 2, "`SANDBOX_NAME` is not set");
    failed(&["--listen", "0.0.0.0:0"], "pong", 2, "`0.0.0.0:0` is not on loopback");
    failed(&["--listen", "nowhere"], "pong", 2, "--listen");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    failed(&["--listen", &taken.local_addr().unwrap().to_string()], "pong", 3, "cannot listen on");
}

#[test]
fn it_is_where_its_descriptor_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/mesh-roundtrip-hermes/kind/documents/pong.router.json");
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let port = echo::ADDRESS.port();
    assert_eq!(document["runtime"]["probe"], json!({"path": echo::HEALTH, "port": port}));
    assert_eq!(document["respond"]["prompt"]["url"], json!({"path": echo::PROMPT, "port": port}));
    assert_eq!(document["guard"]["loopbackPorts"], json!([port]));
}

//! A router that runs, and what an agent asks of it. Not here: any test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A document of the dev profile, as a build writes it.
const DOCUMENT: &[u8] = include_bytes!("../../../../tests/golden/openai-agents/kind/documents/triage.router.json");
/// How long a router may take to serve.
const STARTING: Duration = Duration::from_secs(20);

/// A router that runs until this goes.
pub(crate) struct Router {
    child: Child,
    folder: Option<TempDir>,
    api: SocketAddr,
    admin: SocketAddr,
    proxy: SocketAddr,
    dns: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Router {
    /// Starts one by an edited document, with whatever else is prepared in its folder.
    pub(crate) fn start_with(edit: impl FnOnce(&mut Value), prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let mut document: Value = serde_json::from_slice(DOCUMENT).expect("it is JSON");
        edit(&mut document);
        fs::write(folder.path().join("router.json"), document.to_string()).expect("it can be written");
        fs::create_dir(folder.path().join("state")).expect("it can be made");
        prepare(folder.path());
        Self::in_folder(folder)
    }

    /// The same again, with the state that it has left.
    pub(crate) fn restarted(mut self) -> Self {
        self.stop();
        let folder = self.folder.take().expect("it runs once");
        Self::in_folder(folder)
    }

    fn in_folder(folder: TempDir) -> Self {
        let log = fs::File::create(folder.path().join("log")).expect("it can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kars-router"));
        for (name, value) in [
            ("DOCUMENT", "router.json"),
            ("STATE_DIR", "state"),
            ("CREDENTIALS", "credentials"),
            ("IDENTITY_TOKEN", "identity-token"),
        ] {
            command.env(format!("KARS_{name}"), folder.path().join(value));
        }
        for name in ["API", "PROXY", "DNS", "ADMIN"] {
            command.env(format!("KARS_LISTEN_{name}"), "127.0.0.1:0");
        }
        command.env("KARS_RESOLVER", "127.0.0.1:9").env("KARS_LOG", "debug");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("it can be started");
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut router =
            Self { child, folder: Some(folder), api: nowhere, admin: nowhere, proxy: nowhere, dns: nowhere };
        router.wait();
        router
    }

    /// Puts another document in place, whole: the one that is served, edited.
    pub(crate) fn rewrite(&self, edit: impl FnOnce(&mut Value)) {
        let folder = self.folder.as_ref().expect("it runs").path();
        let mut document = serde_json::from_slice(&fs::read(folder.join("router.json")).expect("it is there"));
        edit(document.as_mut().expect("it is JSON"));
        fs::write(folder.join("next.json"), document.expect("it is JSON").to_string()).expect("it can be written");
        fs::rename(folder.join("next.json"), folder.join("router.json")).expect("it can be replaced");
    }

    /// Where an agent calls it.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// What an operator is shown.
    pub(crate) fn ctl(&self, page: &str) -> String {
        let state = self.folder.as_ref().expect("it runs").path().join("state");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kars-router"));
        let output = command.args(["ctl", page]).env("KARS_STATE_DIR", state).output().expect("it can be started");
        String::from_utf8(output.stdout).expect("it is text")
    }

    /// Every decision that is on the disk.
    pub(crate) fn audit(&self) -> String {
        let folder = self.folder.as_ref().expect("it runs").path().join("state/audit");
        let files = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it can be read").path());
        files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).expect("it is text")).collect()
    }

    /// The folder of its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("it runs").path()
    }

    /// Asks its readiness until that is so; what it says then.
    pub(crate) fn until_ready(&self, ready: bool) -> Value {
        let until = Instant::now() + STARTING;
        loop {
            let answer = self.admin("/readyz");
            if (answer.status == 200) == ready {
                return answer.json();
            }
            assert!(Instant::now() < until, "{answer:?}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Mebibytes of memory that it has in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") / 1024
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).expect("it can be read")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        exchange(self.api, &format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"))
    }

    pub(crate) fn admin(&self, path: &str) -> Answer {
        exchange(self.admin, &format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"))
    }

    /// The status of what the proxy answers.
    pub(crate) fn proxy(&self, request: &str) -> u16 {
        exchange(self.proxy, request).status
    }

    /// Asks for the addresses of a name, and waits for an answer.
    pub(crate) fn resolve(&self, name: &str) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket has timeouts");
        let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).expect("a label is short"));
            question.extend_from_slice(label.as_bytes());
        }
        question.extend_from_slice(&[0, 0, 1, 0, 1]);
        socket.send_to(&question, self.dns).expect("it is sent");
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).expect("it is answered");
        assert_eq!(answer[..2], [0, 7], "{length} bytes answer another question");
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}");
        exchange(self.api, &format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn ended(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("it can be started").success());
        let ended = self.child.wait().expect("it can be waited for");
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Waits until it serves; the log says where.
    fn wait(&mut self) {
        let until = Instant::now() + STARTING;
        loop {
            let log = self.log();
            let line = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = line.into_iter().find(|line| line["message"] == "serving") {
                let address = |name: &str| line[name].as_str().and_then(|text| text.parse().ok()).expect("an address");
                (self.api, self.admin) = (address("api"), address("admin"));
                (self.proxy, self.dns) = (address("proxy"), address("dns"));
                return;
            }
            let ended = self.child.try_wait().expect("it can be asked");
            assert!(ended.is_none() && Instant::now() < until, "the router does not serve ({ended:?}): {log}");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the router listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket has timeouts");
    // A request that is refused early may not be taken whole.
    stream.write_all(request.as_bytes()).ok();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a head has a status");
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = if chunked { joined(body) } else { body.to_vec() };
    Answer { status, headers, body: String::from_utf8(body).expect("a body is text") }
}

/// The chunks of a body, one after the other.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

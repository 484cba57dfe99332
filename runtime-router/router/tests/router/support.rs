//! A router as a process, with a dev document, on ports of its own choosing. Not here: expectations.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A router that serves; it ends with the value.
pub(crate) struct Router {
    process: Child,
    folder: TempDir,
    addresses: BTreeMap<String, SocketAddr>,
}

impl Router {
    /// Starts the binary with an example whose egress are these hosts and ports.
    pub(crate) fn start(egress: &[(&str, &[u16])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &document(egress));
        let command = command(folder.path());
        Self::run(folder, command)
    }

    /// Starts the binary in a folder that it takes with it.
    pub(crate) fn run(folder: TempDir, command: Command) -> Self {
        let (router, lines) = Self::started(folder, command);
        // A pipe that nobody empties would stop the router.
        std::thread::spawn(move || lines.for_each(drop));
        router
    }

    /// The same, where its log is closed once it serves.
    pub(crate) fn run_unread(folder: TempDir, command: Command) -> Self {
        Self::started(folder, command).0
    }

    fn started(folder: TempDir, mut command: Command) -> (Self, Lines<BufReader<ChildStderr>>) {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let serving = lines.by_ref().find_map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap_or_default();
            (line["message"] == "serving").then_some(line)
        });
        let serving = serving.expect("the router serves");
        let address = |kind: &&str| (kind.to_string(), serving[*kind].as_str().unwrap().parse().unwrap());
        let addresses = ["api", "proxy", "dns", "admin"].iter().map(address).collect();
        (Self { process, folder, addresses }, lines)
    }

    /// Mebibytes of memory that it has in use.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success(), "SIG{name}: {sent}");
    }

    /// How it has ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// How it ends.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The folder of its files and its state.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it, and gives back the folder that it leaves.
    pub(crate) fn ended(mut self) -> TempDir {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    pub(crate) fn address(&self, kind: &str) -> SocketAddr {
        let mut address = self.addresses[kind];
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        address
    }

    /// Everything that a listener answers until it closes.
    pub(crate) fn say(&self, kind: &str, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address(kind)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request of the agent API: status and body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let answer = self.say("api", (head + &body).as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// What is said about its readiness: status and body.
    pub(crate) fn ready(&self) -> (u16, Value) {
        let page = self.page("/readyz");
        let (head, body) = page.split_once("\r\n\r\n").expect("a page has a head");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> i64 {
        let page = self.page("/metrics");
        let line =
            page.lines().find_map(|line| line.strip_prefix("kars_router_")?.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("there is no `{name}`: {page}")).parse().unwrap()
    }

    /// Waits until something is so; `what` says what, should it never be.
    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < until, "{what}: {:?}", self.ready());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The text of a page of the admin listener.
    pub(crate) fn page(&self, path: &str) -> String {
        self.say("admin", format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").as_bytes())
    }

    /// What its operator's command would be.
    pub(crate) fn ctl_command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path());
        command.arg("ctl").args(arguments);
        command
    }

    /// What its operator is told.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Output {
        self.ctl_command(arguments).output().unwrap()
    }

    /// Puts a document with other egress in place.
    pub(crate) fn rewrite(&self, egress: &[(&str, &[u16])]) {
        write(self.folder.path(), &document(egress));
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if self.process.kill().and_then(|()| self.process.wait()).is_err() {
            eprintln!("the router was gone already");
        }
    }
}

/// The binary with every setting that it needs, and the credential of the example's model.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kars-router"));
    command.env_clear().env("KARS_DOCUMENT", folder.join("router.json")).env("KARS_STATE_DIR", folder);
    let credentials = folder.join("credentials/model-credentials");
    std::fs::create_dir_all(&credentials).unwrap();
    std::fs::write(credentials.join("AZURE_OPENAI_API_KEY"), "sk-canary").unwrap();
    command.env("KARS_CREDENTIALS", folder.join("credentials"));
    // Nobody answers there, so nothing is resolved.
    command.env("KARS_RESOLVER", "127.0.0.1:1");
    for listener in ["API", "PROXY", "DNS", "ADMIN"] {
        command.env(format!("KARS_LISTEN_{listener}"), "127.0.0.1:0");
    }
    command
}

pub(crate) fn write(folder: &Path, document: &Value) {
    let next = folder.join("next.json");
    std::fs::write(&next, serde_json::to_string_pretty(document).unwrap() + "\n").unwrap();
    std::fs::rename(next, folder.join("router.json")).unwrap();
}

/// A dev document of an example, with other egress.
pub(crate) fn document(egress: &[(&str, &[u16])]) -> Value {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/maf/kind/documents/scribe.router.json");
    let mut document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rule = |(place, (host, ports)): (usize, &(&str, &[u16]))| json!({"id": format!("egress[{place}]"), "host": host, "ports": ports, "reason": "a test", "labels": []});
    document["limits"]["dnsSeconds"] = json!(1);
    document["egress"] = egress.iter().enumerate().map(rule).collect();
    document
}

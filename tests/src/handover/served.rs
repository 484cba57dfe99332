//! A router in this process, and what an agent says to it over its sockets. Not here: what it should answer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use kars_contract::SecretRef;
use kars_contract::settings;
use kars_router::config::Config;
use kars_router::process::{Running, start};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What every credential of the test begins with.
pub(super) const CANARY: &str = "canary-";

/// A router that serves one document until this goes.
pub(super) struct Served {
    running: Running,
    // Its tasks end with it, and then their files.
    _runtime: Runtime,
    folder: TempDir,
}

/// An answer over HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Served {
    /// Serves these bytes, asking this resolver.
    pub(super) fn start(document: &[u8], origins: &[u8], secrets: &[SecretRef], resolver: SocketAddr) -> Self {
        // As the binary does; another test's router may have been first.
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("router.json"), document).unwrap();
        fs::write(place("origins.json"), origins).unwrap();
        fs::create_dir(place("state")).unwrap();
        for secret in secrets {
            fs::create_dir_all(place("credentials").join(secret.secret())).unwrap();
            fs::write(place("credentials").join(secret.as_str()), format!("{CANARY}{}", secret.key())).unwrap();
        }
        let path = |name: &str| place(name).to_str().unwrap().to_owned();
        let mut values = BTreeMap::from([
            (settings::DOCUMENT, path("router.json")),
            (settings::ORIGINS, path("origins.json")),
            (settings::STATE_DIR, path("state")),
            (settings::CREDENTIALS, path("credentials")),
            (settings::RESOLVER, resolver.to_string()),
        ]);
        for listener in [settings::LISTEN_API, settings::LISTEN_PROXY, settings::LISTEN_DNS, settings::LISTEN_ADMIN] {
            values.insert(listener, "127.0.0.1:0".to_owned());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.block_on(async { start(&Config::load(&values).unwrap()).unwrap() });
        Self { running, _runtime: runtime, folder }
    }

    /// Everything that it has written down: lines of decisions, one after another.
    pub(super) fn audit(&self) -> String {
        assert!(self.running.audit.flush(PATIENCE));
        texts(&self.folder.path().join("state/audit"))
    }

    pub(super) fn page(&self, path: &str) -> Answer {
        exchange(self.running.admin, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
    }

    /// A request of the agent API.
    pub(super) fn post(&self, path: &str, headers: &str, body: &Value) -> Answer {
        let (body, host) =
            (body.to_string(), "host: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n");
        let length = body.len();
        exchange(
            self.running.api,
            format!("POST {path} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\n\r\n{body}"),
        )
    }

    /// A request of the proxy, by its first line.
    pub(super) fn proxy(&self, line: &str, host: &str) -> Answer {
        exchange(self.running.proxy, format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
    }

    /// The code and the number of answers for the address of a name.
    pub(super) fn resolve(&self, name: &str) -> (u8, u8) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.as_bytes());
        }
        question.extend([0, 0, 1, 0, 1]);
        socket.send_to(&question, self.running.dns).unwrap();
        let mut answer = [0; 4096];
        assert!(socket.recv(&mut answer).unwrap() > 12);
        (answer[3] & 15, answer[7])
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_ref()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body: body.to_owned() }
}

fn texts(folder: &Path) -> String {
    let files = crate::support::files_under(folder);
    files.iter().map(|file| fs::read_to_string(folder.join(file)).unwrap()).collect()
}

//! A registry on this machine that does what it should, unless a test says otherwise for a request. Not here: any test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use kars_contract::digest::Digest;

/// What it holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// By digest.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    /// By tag and by digest, with their types.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Which one it is, from 1 on.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// With its query, without the repository: `manifests/prod`.
    pub(crate) path: String,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) enum Answer {
    /// A status, headers, and a body whose length is told.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Whatever is written here.
    Raw(Box<dyn FnOnce(&mut TcpStream)>),
    /// None, until the other side goes.
    Silence,
}

/// What to answer in place of the truth.
pub(crate) type Behaviour = dyn Fn(&Request, &mut Store) -> Option<Answer> + Send + Sync;

/// It ends with the test.
pub(crate) struct Fake {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    store: Mutex<Store>,
    seen: Mutex<Vec<Request>>,
    behaviour: Box<Behaviour>,
}

impl Fake {
    pub(crate) fn honest() -> Self {
        Self::of(Store::default(), |_, _| None)
    }

    /// One that holds something, and behaves so.
    pub(crate) fn of(
        store: Store,
        behaviour: impl Fn(&Request, &mut Store) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared { store: store.into(), seen: Mutex::default(), behaviour: Box::new(behaviour) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where the tag `prod` of its only repository is.
    pub(crate) fn address(&self) -> String {
        format!("oci://{}/acme/brief:prod", self.host())
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock().expect("no test has failed in it")
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.seen.lock().expect("no test has failed in it").len()
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().expect("no test has failed in it").clone()
    }
}

impl Shared {
    /// Answers one request; a connection has no second one.
    fn serve(&self, mut stream: TcpStream) {
        let Some(mut request) = read(&stream) else { return };
        {
            let mut seen = self.seen.lock().expect("no test has failed in it");
            request.number = seen.len() + 1;
            seen.push(request.clone());
        }
        let answer = {
            let mut store = self.store.lock().expect("no test has failed in it");
            (self.behaviour)(&request, &mut store).unwrap_or_else(|| store.answer(&request))
        };
        match answer {
            Answer::Reply(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} \r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let body = if request.method == "HEAD" { Vec::new() } else { body };
                // Whoever asked may be gone.
                drop(stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(&body)));
            }
            Answer::Raw(write) => write(&mut stream),
            Answer::Silence => drop(stream.read(&mut [0])),
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().map(|_| line.trim_end().to_owned()).filter(|line| !line.is_empty())
    };
    let first = line()?;
    let (method, rest) = first.split_once(' ')?;
    let path = rest.split(' ').next()?;
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line().as_deref().and_then(|line| line.split_once(':')) {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = path.strip_prefix("/v2/acme/brief/").unwrap_or(path).to_owned();
    Some(Request { number: 0, method: method.to_owned(), path, headers, body })
}

impl Store {
    fn answer(&mut self, request: &Request) -> Answer {
        let Request { method, path, headers, body, .. } = request;
        let found =
            |kind: &str, bytes: &[u8]| Answer::Reply(200, vec![("content-type", kind.to_owned())], bytes.to_owned());
        let absent = Answer::Reply(404, Vec::new(), Vec::new());
        if let Some((_, digest)) = path.split_once("digest=").filter(|_| method == "PUT") {
            self.blobs.insert(digest.replace("%3A", ":"), body.clone());
            return Answer::Reply(201, Vec::new(), Vec::new());
        }
        match (method.as_str(), path.split_once('/')) {
            ("POST", Some(("blobs", _))) => {
                Answer::Reply(202, vec![("location", "/v2/acme/brief/blobs/uploads/1".to_owned())], Vec::new())
            }
            ("PUT", Some(("manifests", selector))) => {
                let manifest = (headers.get("content-type").cloned().unwrap_or_default(), body.clone());
                self.manifests.insert(Digest::of(body).to_string(), manifest.clone());
                self.manifests.insert(selector.to_owned(), manifest);
                Answer::Reply(201, Vec::new(), Vec::new())
            }
            (_, Some(("blobs", digest))) => {
                self.blobs.get(digest).map_or(absent, |bytes| found("application/octet-stream", bytes))
            }
            (_, Some(("manifests", selector))) => {
                self.manifests.get(selector).map_or(absent, |(kind, bytes)| found(kind, bytes))
            }
            _ => absent,
        }
    }
}

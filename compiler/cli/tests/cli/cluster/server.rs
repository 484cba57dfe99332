//! An API server in memory, as far as karsc asks one: it gets, lists and answers dry runs, and remembers what was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::Place;

/// Plural, namespace and name.
type Key = (String, String, String);

/// A server that lives as long as the test's process.
pub(super) struct Server {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    /// Requests with a verb that fail, and how.
    failing: Option<(&'static str, u16, &'static str)>,
    asked: Vec<String>,
}

impl Server {
    /// Serves a bundle's folder, every pod of it ready; the place gets a `config.json` that leads to it.
    pub(super) fn with_bundle(place: &Place, folder: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has a port").port();
        place.write("config.json", kubeconfig(port));
        let server = Self { state: Arc::default() };
        for (path, bytes) in place.tree(folder) {
            if path.starts_with("agents/") && !path.ends_with("kustomization.yaml") {
                let text = String::from_utf8(bytes).expect("it is text");
                server.put(serde_saphyr::from_str(&text).expect("it is an object"));
            }
        }
        for set in server.of("statefulsets") {
            server.run(set);
        }
        let state = Arc::clone(&server.state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        server
    }

    pub(super) fn put(&self, object: Value) {
        let key = key(&object);
        self.state.lock().expect("no test panics with it").objects.insert(key, object);
    }

    pub(super) fn remove(&self, plural: &str, name: &str) {
        self.state.lock().expect("no test panics with it").objects.retain(|key, _| key.0 != plural || key.2 != name);
    }

    /// All objects of a kind.
    pub(super) fn of(&self, plural: &str) -> Vec<Value> {
        let state = self.state.lock().expect("no test panics with it");
        state.objects.iter().filter(|(key, _)| key.0 == plural).map(|(_, object)| object.clone()).collect()
    }

    /// Lets every request of a method fail.
    pub(super) fn fail(&self, method: &'static str, code: u16, message: &'static str) {
        self.state.lock().expect("no test panics with it").failing = Some((method, code, message));
    }

    /// Methods and addresses.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().expect("no test panics with it").asked.clone()
    }

    /// What controllers and the kubelet make of a workload.
    fn run(&self, mut set: Value) {
        set["metadata"]["generation"] = json!(1);
        set["status"] = json!({"observedGeneration": 1, "readyReplicas": 1});
        let (name, template) = (set["metadata"]["name"].clone(), &set["spec"]["template"]);
        let mut metadata = template["metadata"].clone();
        metadata["name"] = json!(format!("{}-0", name.as_str().expect("it has a name")));
        metadata["namespace"] = set["metadata"]["namespace"].clone();
        metadata["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": "1", "controller": true}]);
        let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": status});
        self.put(pod);
        self.put(set);
    }
}

pub(super) fn kubeconfig(port: u16) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "test", "user": {"token": "test"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

fn key(object: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]).to_lowercase();
    let plural = if kind.ends_with('y') { format!("{}ies", kind.trim_end_matches('y')) } else { format!("{kind}s") };
    (plural, text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]))
}

/// Answers one request, and closes the connection.
fn answer(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().expect("it can be read and written"));
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.trim().is_empty()) {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        lines.push(line);
    }
    let header = |line: &String| line.to_lowercase().strip_prefix("content-length:").map(|text| text.trim().parse());
    let length: usize = lines.iter().find_map(header).and_then(Result::ok).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body is as long as it says");
    let mut words = lines[0].split_whitespace();
    let (method, address) = (words.next().expect("a method"), words.next().expect("an address"));
    let mut state = state.lock().expect("no test panics with it");
    state.asked.push(format!("{method} {address}"));
    let (code, answer) = respond(&state, method, address, &body);
    let text = answer.to_string();
    let head = format!(
        "HTTP/1.1 {code} Said\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    // A client that has gone needs no answer.
    let mut stream = stream;
    stream.write_all(format!("{head}{text}").as_bytes()).ok();
}

fn respond(state: &State, method: &str, address: &str, body: &[u8]) -> (u16, Value) {
    let status = |code: u16, message: &str| {
        (
            code,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "Said", "message": message}),
        )
    };
    if let Some((_, code, message)) = state.failing.filter(|(failing, ..)| *failing == method) {
        return status(code, message);
    }
    let path = address.split('?').next().unwrap_or_default();
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let parts = &parts[if parts[0] == "api" { 2 } else { 3 }..];
    let key = match parts {
        ["namespaces", namespace, plural, name] => (*plural, *namespace, *name),
        [plural, name] => (*plural, "", *name),
        [plural] => {
            let items: Vec<_> = state.objects.iter().filter(|(key, _)| key.0 == *plural).map(|(_, one)| one).collect();
            return (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}));
        }
        _ => return status(404, "no such path"),
    };
    let live = state.objects.get(&(key.0.to_owned(), key.1.to_owned(), key.2.to_owned()));
    match (method, live) {
        ("GET", Some(live)) => (200, live.clone()),
        ("PATCH", Some(_)) => (200, serde_json::from_slice(body).expect("an object is sent")),
        _ => status(404, "not found"),
    }
}

//! What a router reaches outside: a resolver, and a host that is a model and an MCP server. Both write down what reaches them.
//! Not here: what should reach them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) path: String,
    /// By lower-case names.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

/// Something that listens on loopback and remembers.
pub(super) struct Outside<T> {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Vec<T>>>,
}

impl<T> Outside<T> {
    /// What has arrived since it was asked last.
    pub(super) fn new_arrivals(&self) -> Vec<T> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// A resolver that knows one address for every name, and no name server but itself.
pub(super) fn resolver(address: Ipv4Addr) -> Outside<String> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let outside = Outside { address: socket.local_addr().unwrap(), log: Arc::default() };
    let log = Arc::clone(&outside.log);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let (name, end) = name_of(&bytes[..length]);
            log.lock().unwrap().push(name);
            let is_address = bytes[end..end + 2] == [0, 1];
            let mut answer =
                [&bytes[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0], &bytes[12..end + 4]].concat();
            if is_address {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(address.octets());
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
    outside
}

/// The name that a message asks for, and the place behind it.
fn name_of(message: &[u8]) -> (String, usize) {
    let (mut labels, mut place) = (Vec::new(), 12);
    while message[place] > 0 {
        let end = place + 1 + usize::from(message[place]);
        labels.push(String::from_utf8_lossy(&message[place + 1..end]).to_lowercase());
        place = end;
    }
    (labels.join("."), place + 1)
}

/// A model that answers everybody, and an MCP server with these tools.
pub(super) fn service(tools: Vec<String>) -> Outside<Arrived> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let outside = Outside { address: listener.local_addr().unwrap(), log: Arc::default() };
    let log = Arc::clone(&outside.log);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (log, tools) = (Arc::clone(&log), tools.clone());
            thread::spawn(move || serve(stream, &log, &tools));
        }
    });
    outside
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Arrived>>, tools: &[String]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(arrived) = read(&mut reader) {
        let (status, body) = answer(&arrived.body, tools);
        log.lock().unwrap().push(arrived);
        let head =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Arrived> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Arrived { path, headers, body: serde_json::from_slice(&body).ok()? })
}

fn answer(asked: &Value, tools: &[String]) -> (u16, String) {
    let result = match asked["method"].as_str() {
        // A model, and dearer than any budget. Every family's clients get the names that one of them reads.
        None => return (200, json!({"usage": {"input_tokens": 1_u64 << 40, "output_tokens": 1}}).to_string()),
        Some("initialize") => {
            json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}})
        }
        Some("tools/list") => {
            let tool =
                |name: &String| json!({"name": name, "description": "a tool", "inputSchema": {"type": "object"}});
            json!({"tools": tools.iter().map(tool).collect::<Vec<_>>()})
        }
        Some("tools/call") => json!({"content": [{"type": "text", "text": "called"}]}),
        Some(_) => return (202, String::new()),
    };
    (200, json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string())
}

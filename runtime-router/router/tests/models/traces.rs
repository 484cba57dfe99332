//! Traces of the built router, as a collector gets them: which spans, beneath which, and what stands in them. Not here: metrics.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};

use crate::observability::{Agent, scraped};

/// What an agent says its own span is, with the wish that nothing be traced.
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CANARY: &str = "canary of a prompt";

/// A collector that keeps the bodies that it is sent.
struct Collector {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&bodies);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
                let mut head: Vec<String> = Vec::new();
                while head.last().is_none_or(|line| line != "\r\n") {
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("a head is text");
                    head.push(line);
                }
                assert_eq!(head[0], "POST /v1/traces HTTP/1.1\r\n");
                assert!(head.iter().any(|line| line == "content-type: application/x-protobuf\r\n"), "{head:?}");
                let length =
                    head.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("it has a length");
                let mut body = vec![0; length.trim().parse().expect("a length is a number")];
                reader.read_exact(&mut body).expect("the body comes whole");
                kept.lock().expect("nobody panics with it").push(body);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok();
            }
        });
        Self { address, bodies }
    }

    /// Waits for so many spans, and reads them.
    fn spans(&self, count: usize) -> Vec<Span> {
        let began = Instant::now();
        loop {
            let spans: Vec<Span> = self.requests().into_iter().flat_map(spans_of).collect();
            if spans.len() >= count {
                return spans;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{} of {count} spans have come", spans.len());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.bodies.lock().expect("nobody panics with it");
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("it is OTLP")).collect()
    }
}

fn spans_of(request: ExportTraceServiceRequest) -> Vec<Span> {
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Names the collector in a document.
fn collected(document: &mut Value, address: SocketAddr) {
    document["infra"]["telemetry"] = json!({"cidr": format!("{}/32", address.ip()), "ports": [address.port()]});
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::BoolValue(truth) => truth.to_string(),
        any_value::Value::DoubleValue(_) => "a number".to_owned(),
        other => panic!("{key} is {other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn assert_says(span: &Span, says: &[(&str, &str)]) {
    for (key, value) in says {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(*value), "{key} of {span:?}");
    }
}

fn ask(agent: &Agent) {
    let body = json!({"model": "gpt-5", "stream": true, "messages": [{"role": "user", "content": CANARY}]}).to_string();
    let answer = agent.router.post("/v1/chat/completions", &[("traceparent", PARENT)], &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_request_is_one_tree_of_spans() {
    let collector = Collector::start();
    let agent = Agent::start(|document| collected(document, collector.address));
    ask(&agent);
    agent.call("wiki.ask");
    agent.router.post("/egress/fetch", &[("traceparent", PARENT)], r#"{"url": "https://good.example.org/"}"#);
    let spans = collector.spans(5);
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [root] = named("chat gpt-5")[..] else { panic!("one root: {spans:?}") };
    assert_eq!((hex(&root.trace_id).as_str(), hex(&root.parent_span_id).as_str()), (TRACE, "b7ad6b7169203331"));
    assert_says(
        root,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-5"),
            ("gen_ai.request.stream", "true"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.usage.input_tokens", "3"),
            ("gen_ai.usage.output_tokens", "4"),
            ("gen_ai.response.time_to_first_chunk", "a number"),
            ("kars.model", "spare"),
        ],
    );
    let [main, spare] = named("POST")[..] else { panic!("two attempts: {spans:?}") };
    for attempt in [main, spare] {
        assert_eq!((&attempt.trace_id, &attempt.parent_span_id), (&root.trace_id, &root.span_id));
        assert!(attempt.start_time_unix_nano >= root.start_time_unix_nano);
        assert!(attempt.end_time_unix_nano <= root.end_time_unix_nano);
    }
    let failed = [("kars.model", "main"), ("http.response.status_code", "503"), ("error.type", "status")];
    assert_says(main, &failed);
    assert_says(
        spare,
        &[("kars.model", "spare"), ("http.response.status_code", "200"), ("http.request.resend_count", "1")],
    );
    let [call] = named("tools/call ask")[..] else { panic!("one call: {spans:?}") };
    assert_says(call, &[("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "ask"), ("kars.mcp.server", "wiki")]);
    let [fetch] = named("egress fetch")[..] else { panic!("one way out: {spans:?}") };
    assert_eq!(hex(&fetch.trace_id), TRACE);
    let way = [("server.address", "good.example.org"), ("server.port", "443"), ("kars.rule", "egress[0]")];
    assert_says(fetch, &way);
    assert_says(fetch, &[("error.type", "egress.unresolved")]);
    let resource = collector.requests()[0].resource_spans[0].resource.clone().expect("it has a resource");
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("kars-router"));
    assert_eq!(attribute(&resource.attributes, "gen_ai.agent.name").as_deref(), Some("triage"));
    // A stand-in of a dev document lies inside, so it is told which attempt asks.
    let asked = agent.providers[1].asked();
    assert_eq!(asked[0].headers.get("traceparent"), Some(&format!("00-{TRACE}-{}-01", hex(&spare.span_id))));
    let mut bodies = collector.bodies.lock().expect("nobody panics with it").concat();
    bodies.retain(u8::is_ascii);
    let text = String::from_utf8(bodies).expect("it is ASCII");
    assert!(text.contains("gpt-5") && !text.contains(CANARY) && !text.contains("sk-canary"), "{text}");
}

#[test]
fn nothing_is_traced_where_the_document_names_no_collector() {
    let agent = Agent::start(|_| ());
    ask(&agent);
    assert_eq!(agent.providers[1].asked()[0].headers.get("traceparent"), None);
    assert_eq!(scraped(&agent.router).sum("kars_router_trace_spans_total", &[]).to_bits(), 0.0_f64.to_bits());
}

/// A collector that is not there costs spans, and they are counted; the agent is served as ever.
#[test]
fn spans_that_nobody_takes_are_counted() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let agent = Agent::start(|document| collected(document, nobody));
    ask(&agent);
    let began = Instant::now();
    while scraped(&agent.router).sum("kars_router_trace_spans_total", &[("outcome", "failed")]) < 3.0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(50));
    }
    ask(&agent);
}

/// What was traced last is sent before the router ends.
#[test]
fn the_last_spans_are_sent_at_the_end() {
    let collector = Collector::start();
    let agent = Agent::start(|document| collected(document, collector.address));
    ask(&agent);
    agent.router.ended();
    assert_eq!(collector.spans(3).len(), 3);
}

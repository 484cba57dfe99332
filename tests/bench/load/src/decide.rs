//! What a decision costs by itself, as lists grow. Not here: anything around it.

use std::hint::black_box;
use std::time::Instant;

use kars_contract::document::Document;
use kars_contract::permits::{Arguments, Policy, Request};
use kars_contract::router::RouterDocument;
use kars_contract::{Hostname, Instant as Moment, Port, ToolId};
use serde_json::{Value, json};

use crate::Outcome;

const DOCUMENT: &str = include_str!("../../../golden/openai-agents/kind/documents/triage.router.json");
/// Decisions that are timed together.
const TIMED: u32 = 100_000;

/// Prints nanoseconds for each decision, and milliseconds to compile the document.
pub(crate) fn run() -> Outcome {
    let mut found = serde_json::Map::new();
    for count in [10, 1_000, 100_000] {
        found.insert(format!("tools-{count}"), tools(count)?);
    }
    for count in [10, 1_000, 100_000, 1_000_000] {
        found.insert(format!("hosts-{count}"), hosts(count)?);
    }
    println!("{}", Value::Object(found));
    Ok(())
}

fn document() -> Result<RouterDocument, Box<dyn std::error::Error>> {
    Ok(RouterDocument::decode(DOCUMENT.as_bytes())?)
}

fn tools(count: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let mut document = document()?;
    let tool = |place: usize| format!("openai-agents.bench.t{place}");
    document.tools = (0..count)
        .map(|place| {
            serde_json::from_value(json!({"tool": tool(place), "id": format!("tools[{place}]"), "enforced": "runtime"}))
        })
        .collect::<Result<_, _>>()?;
    document.rules = (0..count)
        .map(|place| serde_json::from_value(json!({"id": format!("rules[{place}]"), "tool": tool(place), "effect": "allow", "when": {"args": {}}, "enforced": "runtime"})))
        .collect::<Result<_, _>>()?;
    let (now, (policy, load)) = (Moment::from_unix_seconds(0).ok_or("no moment")?, compiled(&document));
    let ids: Vec<ToolId> = (0..64).map(|place| tool(place * count / 64).parse()).collect::<Result<_, _>>()?;
    let args = Arguments::new();
    timed(load, |place| {
        let id = &ids[place % ids.len()];
        policy.permits(&Request::Tool { id, args: &args }, now).allowed
    })
}

fn hosts(count: usize) -> Result<Value, Box<dyn std::error::Error>> {
    let mut document = document()?;
    document.egress = (0..count)
        .map(|place| {
            let host = if place % 10 == 9 { format!("**.w{place}.kars.example") } else { format!("h{place}.kars.example") };
            serde_json::from_value(json!({"id": format!("egress[{place}]"), "host": host, "ports": [443], "reason": "a bench", "labels": []}))
        })
        .collect::<Result<_, _>>()?;
    let (now, (policy, load)) = (Moment::from_unix_seconds(0).ok_or("no moment")?, compiled(&document));
    let named = |place: usize| {
        if place % 10 == 9 { format!("a.b.w{place}.kars.example") } else { format!("h{place}.kars.example") }
    };
    let names: Vec<Hostname> = (0..64).map(|place| named(place * count / 64).parse()).collect::<Result<_, _>>()?;
    let port = Port::new(443).ok_or("no port")?;
    timed(load, |place| {
        let host = &names[place % names.len()];
        policy.permits(&Request::Egress { host, port }, now).allowed
    })
}

fn compiled(document: &RouterDocument) -> (Policy, f64) {
    let began = Instant::now();
    let policy = Policy::new(document);
    (policy, began.elapsed().as_secs_f64() * 1e3)
}

/// The best of five, since other work can only add.
fn timed(load: f64, decide: impl Fn(usize) -> bool) -> Result<Value, Box<dyn std::error::Error>> {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        for place in 0..TIMED as usize {
            if !black_box(decide(place)) {
                return Err("a decision that should allow does not".into());
            }
        }
        best = best.min(began.elapsed().as_secs_f64() * 1e9 / f64::from(TIMED));
    }
    Ok(json!({"nanoseconds": best, "load": load}))
}

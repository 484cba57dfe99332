//! The tools that servers offer, as far as the agent has them. Asked for side by side, remembered for a while. Not here: calls.

use std::collections::BTreeMap;
use std::time::Duration;

use kars_contract::router::McpServer;
use kars_contract::{Digest, Name};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::remote::{Remote, Way};
use crate::dial::Dial;
use crate::refusal::Refusal;

/// For how long a list counts.
pub const FRESH: Duration = Duration::from_mins(5);
/// After a failure the server is left alone for this time.
pub const PAUSE: Duration = Duration::from_secs(10);
/// How long a page of a list may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages that are read.
const PAGES: usize = 64;

/// The tools of one server, in its own words.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What may be called, by name, as the server describes it.
    pub tools: BTreeMap<String, Box<RawValue>>,
    /// When the server was asked.
    pub at: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    tools: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Copy, Serialize)]
struct Cursor<'a> {
    cursor: &'a str,
}

/// Asks a server for all its tools and keeps those that the agent has.
pub async fn offer<D: Dial>(remote: &Remote, way: &Way<'_, D>) -> Result<Offer, Refusal> {
    let (mut tools, mut cursor) = (BTreeMap::new(), None::<String>);
    for _ in 0..PAGES {
        let params = cursor.as_deref().map(|cursor| Cursor { cursor });
        let answer = remote.ask(way, "tools/list", params, PATIENCE).await?;
        let page: Option<Page> = answer.result.and_then(|result| serde_json::from_str(result.get()).ok());
        let Some(Page { tools: listed, next_cursor }) = page else {
            return Err(super::gateway::upstream_failed(way.server, "lists no tools"));
        };
        tools.extend(listed.into_iter().filter_map(|tool| had(way.server, tool)));
        cursor = next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(Offer { tools, at: Instant::now() })
}

fn had(server: &McpServer, tool: Box<RawValue>) -> Option<(String, Box<RawValue>)> {
    let Named { name } = serde_json::from_str(tool.get()).ok()?;
    server.tools.contains(&name).then_some((name, tool))
}

/// What a tool's description is remembered by: every byte that a model could read.
#[must_use]
pub fn fingerprint(tool: &RawValue) -> Digest {
    Digest::of(tool.get().as_bytes())
}

/// The name under which a tool of a server is listed beside those of others.
#[must_use]
pub fn joint_name(server: &Name, tool: &str) -> String {
    format!("{}.{tool}", server.as_str().replace('-', "_"))
}

//! The agent's long-term memory. Store and scope stand in the document; no argument names another. Not here: what is remembered.

use std::time::Duration;

use hyper::StatusCode;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::{Memory, NewStore, Route};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::content::Content;
use super::failure;
use super::service::{Reply, Service};
use super::wanted::Operation;
use crate::dial::Dial;
use crate::inference::forward::Forward;
use crate::policy::Generation;
use crate::refusal::Refusal;

/// The version of the provider's API.
const VERSION: &str = "api-version=v1";
/// Memories that one search finds.
const MOST: u32 = 10;
/// Tokens that are set aside for one operation beside its text: the store asks its own models, and says afterwards what they cost.
const TOKENS: u64 = 8192;
/// The least that a token is made of, in bytes.
const BYTES_PER_TOKEN: u64 = 3;
/// How long an update is waited for. It goes on at the provider.
const UPDATE: Duration = Duration::from_mins(1);
/// How long between two looks at an update.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Search<'a> {
    scope: &'a str,
    items: Vec<Message<'a>>,
    options: SearchOptions,
}

#[derive(Serialize)]
struct SearchOptions {
    max_memories: u32,
}

#[derive(Serialize)]
struct Update<'a> {
    scope: &'a str,
    items: Vec<Message<'a>>,
    #[serde(rename = "update_delay")]
    delay: u32,
}

#[derive(Serialize)]
struct Clear<'a> {
    scope: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Create<'a> {
    name: &'a str,
    definition: Definition<'a>,
}

#[derive(Serialize)]
struct Definition<'a> {
    kind: &'static str,
    chat_model: &'a str,
    embedding_model: &'a str,
    options: StoreOptions,
}

#[derive(Serialize)]
struct StoreOptions {
    user_profile_enabled: bool,
    chat_summary_enabled: bool,
    default_ttl_seconds: u64,
}

#[derive(Deserialize)]
struct Found {
    memories: Vec<Remembered>,
}

#[derive(Deserialize)]
struct Remembered {
    memory_item: Item,
}

#[derive(Deserialize)]
struct Item {
    content: String,
}

#[derive(Deserialize)]
struct Updating {
    update_id: String,
    status: String,
    result: Option<Updated>,
}

#[derive(Deserialize)]
struct Updated {
    #[serde(default)]
    memory_operations: Vec<Done>,
}

#[derive(Deserialize)]
struct Done {
    kind: String,
    memory_item: Item,
}

#[derive(Deserialize)]
struct Costs {
    usage: Option<Usage>,
    result: Option<Nested>,
}

#[derive(Deserialize)]
struct Nested {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: u64,
}

/// The store of one agent, where it is.
struct Store<'a, D> {
    service: Service<'a, D>,
    memory: &'a Memory,
}

/// Carries out one operation, out of the agent's tokens.
pub(super) async fn work<D: Dial>(
    forward: &Forward<D>,
    generation: &Generation,
    route: &Route,
    operation: &Operation,
) -> Result<Content, Refusal> {
    let document = generation.document();
    let memory = document.memory.as_ref();
    let memory = memory.ok_or_else(|| Refusal::new(ErrorCode::MemoryStoreMissing, "the agent has no memory"))?;
    let store = Store { service: Service { attempts: forward.attempts(), generation, route }, memory };
    let (verb, body) = request(memory, operation);
    let tokens = TOKENS.saturating_add((body.len() as u64).div_ceil(BYTES_PER_TOKEN));
    let reservation = forward.set_aside(generation, route.deployment.as_str(), tokens)?;
    let worked = store.ask(verb, &body, operation).await;
    match &worked {
        Ok((_, costs)) => {
            if let Some(tokens) = costs {
                reservation.settle(*tokens);
            }
        }
        // What is refused costs nothing; what breaks off may have.
        Err(refusal) if refusal.code() != ErrorCode::UpstreamTimeout => reservation.settle(0),
        Err(_) => (),
    }
    worked.map(|(content, _)| content)
}

/// The verb of the provider's API, and what it is given.
fn request(memory: &Memory, operation: &Operation) -> (&'static str, Vec<u8>) {
    let scope = memory.scope.as_str();
    let message = |content| Message { kind: "message", role: "user", content };
    match operation {
        Operation::Search(query) => {
            let options = SearchOptions { max_memories: MOST };
            ("search_memories", json(&Search { scope, items: vec![message(query)], options }))
        }
        Operation::Update(items) => {
            let items = items.iter().map(|item| message(item)).collect();
            ("update_memories", json(&Update { scope, items, delay: 0 }))
        }
        Operation::Clear => ("delete_scope", json(&Clear { scope })),
    }
}

impl<D: Dial> Store<'_, D> {
    /// What came of an operation, and how many tokens it cost, if that was said.
    async fn ask(&self, verb: &str, body: &[u8], operation: &Operation) -> Result<(Content, Option<u64>), Refusal> {
        let path = format!("/memory_stores/{}:{verb}?{VERSION}", self.memory.store);
        let mut reply = self.service.post(&path, body.to_vec()).await?;
        if reply.status == StatusCode::NOT_FOUND {
            self.create().await?;
            reply = self.service.post(&path, body.to_vec()).await?;
        }
        let reply = self.good(reply)?;
        match operation {
            Operation::Search(_) => {
                let Found { memories } = self.read(&reply)?;
                let lines: Vec<String> =
                    memories.into_iter().map(|memory| format!("- {}", memory.memory_item.content)).collect();
                let text =
                    if lines.is_empty() { "Nothing is remembered of this.".to_owned() } else { lines.join("\n") };
                Ok((Content::text(text), costs(&reply)))
            }
            Operation::Update(_) => self.updated(reply).await,
            Operation::Clear => Ok((Content::text("Everything is forgotten."), costs(&reply).or(Some(0)))),
        }
    }

    /// Waits until an update has come to its end.
    async fn updated(&self, mut reply: Reply) -> Result<(Content, Option<u64>), Refusal> {
        let began = Instant::now();
        loop {
            let Updating { update_id, status, result } = self.read(&reply)?;
            match status.as_str() {
                "completed" => {
                    let done = result.into_iter().flat_map(|result| result.memory_operations);
                    let lines: Vec<String> =
                        done.map(|done| format!("- {}: {}", done.kind, done.memory_item.content)).collect();
                    let text =
                        if lines.is_empty() { "Nothing new is remembered.".to_owned() } else { lines.join("\n") };
                    return Ok((Content::text(text), costs(&reply)));
                }
                "queued" | "in_progress" if began.elapsed() < UPDATE => (),
                "queued" | "in_progress" => {
                    return Ok((Content::text("The provider is still at it; it will be remembered."), None));
                }
                "superseded" => return Ok((Content::text("A later update takes its place."), costs(&reply))),
                _ => return Err(failure::ended(self.service.route, &status, &reply.body)),
            }
            if !update_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
                return Err(failure::unreadable(self.service.route, "an update"));
            }
            sleep(LOOK).await;
            let path = format!("/memory_stores/{}/updates/{update_id}?{VERSION}", self.memory.store);
            reply = self.good(self.service.get(&path).await?)?;
        }
    }

    /// Creates the store, where the document says how. Somebody else may have been faster.
    async fn create(&self) -> Result<(), Refusal> {
        let Memory { store, retention_days, create, .. } = self.memory;
        let Some(NewStore { embedding }) = create else { return Err(self.missing()) };
        let lifetime = retention_days.map_or(0, |days| u64::from(days) * 86_400);
        let definition = Definition {
            kind: "default",
            chat_model: self.service.route.deployment.as_str(),
            embedding_model: embedding.as_str(),
            options: StoreOptions {
                user_profile_enabled: true,
                chat_summary_enabled: true,
                default_ttl_seconds: lifetime,
            },
        };
        let path = format!("/memory_stores?{VERSION}");
        let reply = self.service.post(&path, json(&Create { name: store, definition })).await?;
        if reply.status == StatusCode::CONFLICT {
            return Ok(());
        }
        tracing::info!(store, status = reply.status.as_u16(), "a memory store was missing");
        self.good(reply).map(|_| ())
    }

    fn good(&self, reply: Reply) -> Result<Reply, Refusal> {
        match reply.status {
            status if status.is_success() => Ok(reply),
            StatusCode::NOT_FOUND => Err(self.missing()),
            _ => Err(reply.failure(self.service.route)),
        }
    }

    fn missing(&self) -> Refusal {
        let message = format!("the memory store `{}` is not there", self.memory.store);
        Refusal::new(ErrorCode::MemoryStoreMissing, message)
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, reply: &Reply) -> Result<T, Refusal> {
        serde_json::from_slice(&reply.body).map_err(|_| failure::unreadable(self.service.route, "something"))
    }
}

fn costs(reply: &Reply) -> Option<u64> {
    let Costs { usage, result } = serde_json::from_slice(&reply.body).ok()?;
    usage.or_else(|| result?.usage).map(|usage| usage.total_tokens)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("its keys are text")
}

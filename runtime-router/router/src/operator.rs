//! The operator's socket: what the router does, for whoever may run commands in its container. It shows, and changes nothing.
//!
//! Not here: the agent, which can neither see the folder of the socket nor pass the check of users.

use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use kars_contract::Instant;
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Budget;
use kars_contract::settings::ADMIN_SOCKET;
use kars_kit::admin::only_get;
use kars_kit::clock::now;
use kars_kit::http::{Answer, Body, Ceilings, connection, reply};
use kars_kit::serve::Tasks;
use serde::Serialize;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use crate::audit::recent::{MOST, Wanted, recent};
use crate::audit::verify::{Whole, verify};
use crate::gate::Gate;
use crate::inference::budget::{Ledger, Spent};
use crate::pages::{get, readiness};
use crate::refusal::Refusal;
use crate::tokens::Tokens;

/// The administrator of the machine may look, too.
const ROOT: u32 = 0;
const CEILINGS: Ceilings =
    Ceilings { header_bytes: 16 * 1024, header_count: 32, header_time: Duration::from_secs(5), connections: 16 };

/// What answers the operator.
#[derive(Debug)]
pub struct Operator {
    /// Decides.
    pub gate: Gate,
    /// Counts tokens.
    pub ledger: Ledger,
    /// What models are shown.
    pub tokens: Tokens,
    /// The folder of the audit log.
    pub log: PathBuf,
    /// Tells whether the program ends.
    pub tasks: Tasks,
}

/// How often a log that is written just now is read before it counts as broken, and how long in between.
const READS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);
/// How long lines may take that are to be written before the log is read.
const FLUSH: Duration = Duration::from_secs(2);

/// Opens the socket in the folder of state. One that a process left behind is replaced.
pub fn bind(state: &Path) -> io::Result<UnixListener> {
    let path = state.join(ADMIN_SOCKET);
    match fs::remove_file(&path) {
        Ok(()) => (),
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until the program drains. `state` is the folder of state, whose owner the router runs as.
pub async fn serve(listener: UnixListener, state: PathBuf, operator: Operator) {
    let (tasks, operator) = (operator.tasks.clone(), Arc::new(operator));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.draining() => return,
        };
        match accepted {
            Ok((stream, _)) if may_look(&stream, &state) => {
                let (operator, own) = (Arc::clone(&operator), tasks.clone());
                tasks.spawn(async move { connection(stream, CEILINGS, &own, operator).await });
            }
            Ok(_) => tracing::warn!("another user called the operator's socket"),
            Err(error) => tracing::warn!(%error, "a call of the operator could not be taken"),
        }
    }
}

/// Whether the caller runs as the user of this process, whose socket it is, or as root.
fn may_look(stream: &UnixStream, state: &Path) -> bool {
    let owner = fs::metadata(state.join(ADMIN_SOCKET)).map(|metadata| metadata.uid());
    let caller = stream.peer_cred().map(|credentials| credentials.uid());
    matches!((owner, caller), (Ok(owner), Ok(caller)) if caller == owner || caller == ROOT)
}

impl Answer for Operator {
    async fn answer(&self, request: Box<Request<Incoming>>) -> Response<Body> {
        if request.method() != Method::GET {
            return only_get();
        }
        match request.uri().path() {
            "/status" => {
                let state = readiness(&self.gate, &self.tokens, self.tasks.is_draining()).state;
                reply(StatusCode::OK, "application/json", format!("{state}\n"))
            }
            "/budgets" => reply(StatusCode::OK, "application/json", self.budgets()),
            "/decisions" => self.decisions(request.uri().query().unwrap_or_default()).await,
            "/audit" => self.audit().await,
            _ => Refusal::new(ErrorCode::RouteUnknown, "the operator's socket has no such page").into_response(),
        }
    }

    fn failed(&self) -> Response<Body> {
        Refusal::new(ErrorCode::RouterFailed, "the router could not finish the request").into_response()
    }
}

impl Operator {
    /// The last decisions, or those after a line.
    async fn decisions(&self, query: &str) -> Response<Body> {
        let Some(wanted) = wanted(query) else {
            return Refusal::new(
                ErrorCode::ArgsWrong,
                "decisions are asked for by `most`, `after`, `since` and `denied`",
            )
            .into_response();
        };
        let read = self.read(move |log| recent(log, &wanted).map_err(|error| error.to_string()));
        match read.await {
            Ok(Ok(recent)) => json(&recent),
            Ok(Err(error)) => unreadable(&error),
            Err(error) => unreadable(&error.to_string()),
        }
    }

    /// Reads the log once all that was decided is in it, or cannot be.
    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Path) -> T + Send + 'static) -> JoinHandle<T> {
        let (log, audit) = (self.log.clone(), self.gate.audit().clone());
        spawn_blocking(move || {
            if !audit.flush(FLUSH) {
                tracing::warn!("the operator is shown a log that lacks its last lines");
            }
            read(&log)
        })
    }

    /// The head of the log, and whether all of it is whole.
    async fn audit(&self) -> Response<Body> {
        #[derive(Serialize)]
        struct Audited {
            /// Whether lines can be written.
            writes: bool,
            #[serde(flatten, skip_serializing_if = "Option::is_none")]
            whole: Option<Whole>,
            #[serde(skip_serializing_if = "Option::is_none")]
            problem: Option<String>,
        }
        let mut found = Err(String::new());
        for _ in 0..READS {
            let read = self.read(|log| verify(log, None).map_err(|broken| broken.to_string()));
            found = read.await.unwrap_or_else(|error| Err(error.to_string()));
            if found.is_ok() {
                break;
            }
            // Lines may have come between the reading of their segment and of the head.
            sleep(PAUSE).await;
        }
        let writes = self.gate.audit().works();
        let (whole, problem) = match found {
            Ok(whole) => (Some(whole), None),
            Err(problem) => (None, Some(problem)),
        };
        json(&Audited { writes, whole, problem })
    }

    /// What was used, beside what may be.
    fn budgets(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Budgets {
            used: Spent,
            #[serde(skip_serializing_if = "Option::is_none")]
            limits: Option<Budget>,
            /// Why no tokens are given, and what to do.
            #[serde(skip_serializing_if = "Option::is_none")]
            problem: Option<String>,
        }
        let limits = self.gate.current().in_force(now()).ok().map(|generation| generation.document().budget);
        line(&Budgets { used: self.ledger.spent_by(now()), limits, problem: self.ledger.problem() })
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("its keys are text");
    text.push(b'\n');
    text
}

fn json(value: &impl Serialize) -> Response<Body> {
    reply(StatusCode::OK, "application/json", line(value))
}

fn unreadable(problem: &str) -> Response<Body> {
    tracing::error!(problem, "the audit log cannot be read");
    Refusal::new(ErrorCode::RouterFailed, "the audit log cannot be read").into_response()
}

/// What a query asks for; none where it says anything else.
fn wanted(query: &str) -> Option<Wanted> {
    let mut wanted = Wanted { most: MOST, ..Wanted::default() };
    for (name, value) in query.split_terminator('&').map(|pair| pair.split_once('=')).collect::<Option<Vec<_>>>()? {
        match name {
            "most" => wanted.most = value.parse().ok()?,
            "after" => wanted.after = Some(value.parse().ok()?),
            "since" => wanted.since = Some(Instant::from_unix_seconds(value.parse().ok()?)?),
            "denied" => wanted.denied = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(wanted)
}

/// Asks a running router.
pub async fn ask(state: &Path, page: &str) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    get(UnixStream::connect(state.join(ADMIN_SOCKET)).await?, page).await
}

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
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::Budget;
use kars_contract::settings::ADMIN_SOCKET;
use kars_kit::admin::only_get;
use kars_kit::clock::now;
use kars_kit::http::{Answer, Body, Ceilings, connection, reply};
use kars_kit::serve::Tasks;
use serde::Serialize;
use tokio::net::{UnixListener, UnixStream};

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
    /// Tells whether the program ends.
    pub tasks: Tasks,
}

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
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.method() != Method::GET {
            return only_get();
        }
        match request.uri().path() {
            "/status" => {
                let state = readiness(&self.gate, &self.tokens, self.tasks.is_draining()).state;
                reply(StatusCode::OK, "application/json", format!("{state}\n"))
            }
            "/budgets" => reply(StatusCode::OK, "application/json", self.budgets()),
            _ => Refusal::new(ErrorCode::RouteUnknown, "the operator's socket has no such page").into_response(),
        }
    }

    fn failed(&self) -> Response<Body> {
        Refusal::new(ErrorCode::RouterFailed, "the router could not finish the request").into_response()
    }
}

impl Operator {
    /// What was used, beside what may be.
    fn budgets(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Budgets {
            used: Spent,
            #[serde(skip_serializing_if = "Option::is_none")]
            limits: Option<Budget>,
        }
        let limits = self.gate.current().in_force(now()).ok().map(|generation| generation.document().budget);
        let mut text = serde_json::to_vec(&Budgets { used: self.ledger.spent(), limits }).expect("its keys are text");
        text.push(b'\n');
        text
    }
}

/// Asks a running router.
pub async fn ask(state: &Path, page: &str) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    get(UnixStream::connect(state.join(ADMIN_SOCKET)).await?, page).await
}

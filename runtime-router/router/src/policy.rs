//! What is served: one document, compiled, or nothing and why. Everybody who asks sees one generation. Not here: reading files.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::Policy;
use kars_contract::router::RouterDocument;
use kars_contract::{Instant, Name, RouterOrigins};
use kars_kit::document::{CannotLoad, Loaded};
use kars_trust::Freshness;
use tokio::sync::watch;

use crate::inference::addressed::Addressed;
use crate::inference::toolbox::Toolbox;
use crate::refusal::Refusal;

/// Why nothing is served where the router has seen itself not enforce a document.
pub const NOT_ENFORCED: &str = "not-enforced";

/// A document that may be served, compiled.
#[derive(Debug)]
pub struct Generation {
    /// Counts the documents that this process has served, from 1.
    pub number: u64,
    /// The document and why it may be served.
    pub loaded: Loaded,
    /// What it permits.
    pub policy: Policy,
    /// The tools that its agent may offer a model.
    pub toolbox: Toolbox,
    /// How its routes are addressed.
    pub addressed: HashMap<Name, Addressed>,
    enforced: AtomicBool,
}

/// What is served at a moment.
#[derive(Clone, Debug)]
pub enum Served {
    /// Nothing: no document is accepted. The code and the sentence that say why.
    Nothing(&'static str, String),
    /// This document.
    Document(Arc<Generation>),
}

/// What is served, for those who ask. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Current {
    served: watch::Receiver<Served>,
    refused: watch::Receiver<Option<String>>,
}

/// What is served, for the one who decides that.
#[derive(Debug)]
pub struct Slot {
    served: watch::Sender<Served>,
    /// Why what lies there now is not served, where that is so.
    refused: watch::Sender<Option<String>>,
    loads: u64,
}

impl Generation {
    /// Compiles a document.
    #[must_use]
    pub fn new(number: u64, loaded: Loaded) -> Self {
        let document = loaded.document();
        let (policy, toolbox, addressed) = (Policy::new(document), Toolbox::of(document), Addressed::all(document));
        Self { number, loaded, policy, toolbox, addressed, enforced: AtomicBool::new(false) }
    }

    /// Whether the router has seen itself enforce it.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced.load(Ordering::Acquire)
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &RouterDocument {
        self.loaded.document()
    }

    /// Where its rules stand.
    #[must_use]
    pub fn origins(&self) -> &RouterOrigins {
        &self.loaded.origins
    }
}

#[cfg(test)]
impl Generation {
    /// The generation of a dev document.
    pub(crate) fn of(document: &RouterDocument) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kars_contract::document::Document::encode(document)).unwrap();
        let files = kars_kit::document::Files { document: file.path().to_owned(), trust: None, origins: None };
        Self::new(1, files.read().unwrap().judge(None, kars_kit::clock::now(), None).unwrap())
    }

    /// The generation of an example's document.
    pub(crate) fn example() -> Self {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/maf/kind/documents/scribe.router.json");
        let files = kars_kit::document::Files { document: example.into(), trust: None, origins: None };
        Self::new(1, files.read().unwrap().judge(None, kars_kit::clock::now(), None).unwrap())
    }
}

impl Slot {
    /// A slot that serves nothing yet.
    #[must_use]
    pub fn new() -> (Self, Current) {
        let (served, is_served) =
            watch::channel(Served::Nothing("starting", "no document has been read yet".to_owned()));
        let (refused, is_refused) = watch::channel(None);
        (Self { served, refused, loads: 0 }, Current { served: is_served, refused: is_refused })
    }

    /// Compiles a document, which is not served yet.
    pub fn compile(&mut self, loaded: Loaded) -> Arc<Generation> {
        self.loads += 1;
        Arc::new(Generation::new(self.loads, loaded))
    }

    /// Serves another document.
    pub fn serve(&self, generation: Arc<Generation>) {
        self.refused.send_replace(None);
        self.served.send_replace(Served::Document(generation));
    }

    /// Says that the router enforces what it serves, to whoever waits for that.
    pub fn enforced(&self, generation: &Generation) {
        generation.enforced.store(true, Ordering::Release);
        self.tick();
    }

    /// Serves nothing, as the router does not enforce what it served or would serve.
    pub fn withdraw(&self, problem: &str) {
        self.refused.send_replace(None);
        self.served.send_replace(Served::Nothing(NOT_ENFORCED, problem.to_owned()));
    }

    /// Has everybody who waits for a change look again: what is served may permit less than a moment ago, as time passes.
    pub fn tick(&self) {
        self.served.send_modify(|_| ());
    }

    /// Keeps what is served; where that is nothing, says why.
    pub fn keep(&self, error: &CannotLoad) {
        self.refused.send_replace(Some(format!("what lies there is not served ({}): {error}", error.code())));
        self.served.send_if_modified(|served| {
            let Served::Nothing(code, message) = served else { return false };
            (*code, *message) = (error.code(), error.to_string());
            true
        });
    }
}

impl Current {
    /// What is served.
    #[must_use]
    pub fn served(&self) -> Served {
        self.served.borrow().clone()
    }

    /// Why what is served should not be any more, where that is so: something else lies there, or its time is over.
    #[must_use]
    pub fn stale(&self, now: Instant) -> Option<String> {
        if let Some(refused) = &*self.refused.borrow() {
            return Some(refused.clone());
        }
        let Served::Document(generation) = self.served() else { return None };
        let not_after = generation.loaded.not_after().filter(|not_after| now >= *not_after)?;
        Some(format!("its signature should have been renewed by {not_after}"))
    }

    /// The document that is in force at a moment.
    pub fn in_force(&self, now: Instant) -> Result<Arc<Generation>, Refusal> {
        match self.served() {
            Served::Nothing(code, message) => Err(Refusal::new(
                ErrorCode::PolicyUnavailable,
                format!("the router serves nothing ({code}): {message}"),
            )),
            Served::Document(generation) if generation.loaded.freshness(now) == Freshness::Expired => {
                let message = "the signature of the router's document has ended, and so has the time of grace";
                Err(Refusal::new(ErrorCode::PolicyUnavailable, message))
            }
            Served::Document(generation) => Ok(generation),
        }
    }

    /// Completes once it is known whether what is served is enforced, or nothing is served.
    pub async fn proven(&mut self) {
        while matches!(self.served(), Served::Document(generation) if !generation.is_enforced()) {
            self.changed().await;
        }
    }

    /// Completes when something else is served, and now and then without that; never, once the program ends.
    pub async fn changed(&mut self) {
        if self.served.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

//! Proofs that the gate let something through. Not here: making them, which the gate alone does.

use std::fmt::{self, Debug, Display};
use std::pin::Pin;
use std::sync::Arc;

use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::{Decision, Request};
use kars_contract::router::Limits;
use kars_contract::{Hostname, Instant, ModelName, Port};
use kars_kit::clock::now;

use crate::policy::{Current, Generation};
use crate::refusal::Refusal;

/// A request that may be carried out, by the generation that admitted it.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) generation: Arc<Generation>,
    pub(super) decision: Decision,
}

/// A name that the agent may reach on some port, and so may be resolved.
#[derive(Clone, Debug)]
pub struct PermittedName {
    pub(super) permit: Permit,
    pub(super) host: Hostname,
}

/// A connection to a public host that may be opened. It is all that a request of the agent can turn into.
#[derive(Clone, Debug)]
pub struct Passage {
    pub(super) name: PermittedName,
    pub(super) port: Port,
}

/// Completes once what lasts is no longer allowed, with what the agent is told.
pub struct Revoked(Pin<Box<dyn Future<Output = Refusal> + Send>>);

impl Permit {
    /// The generation that admitted the request.
    #[must_use]
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// What was decided.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether what is served now would still admit the request. What lasts asks again.
    #[must_use]
    pub fn holds(&self, current: &Current, request: &Request<'_>, now: Instant) -> bool {
        admits(current, request, now)
    }

    /// Completes once what is served no longer admits the request: another document says so, or its time has ended.
    pub async fn revoked(&self, current: Current, request: &Request<'_>) {
        no_longer_admitted(current, request).await;
    }

    /// The same for an answer of a model, as long as it lasts.
    #[must_use]
    pub fn model_revoked(&self, current: Current, name: ModelName) -> Revoked {
        Revoked(Box::pin(async move {
            no_longer_admitted(current, &Request::Model { name: &name }).await;
            Refusal::new(ErrorCode::ModelNotAllowed, format!("`{name}` is no longer allowed"))
        }))
    }
}

fn admits(current: &Current, request: &Request<'_>, now: Instant) -> bool {
    current.in_force(now).is_ok_and(|generation| generation.policy.permits(request, now).allowed)
}

async fn no_longer_admitted(mut current: Current, request: &Request<'_>) {
    loop {
        current.changed().await;
        if !admits(&current, request, now()) {
            return;
        }
    }
}

impl Revoked {
    /// For what ends with something else.
    #[must_use]
    pub fn never() -> Self {
        Self(Box::pin(std::future::pending()))
    }

    /// Completes once it is so.
    pub async fn wait(&mut self) -> Refusal {
        self.0.as_mut().await
    }
}

impl Debug for Revoked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Revoked")
    }
}

impl PermittedName {
    /// The name.
    #[must_use]
    pub fn host(&self) -> &Hostname {
        &self.host
    }

    /// The decision.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        &self.permit
    }
}

impl Passage {
    /// The host.
    #[must_use]
    pub fn name(&self) -> &PermittedName {
        &self.name
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &Hostname {
        &self.name.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// The ceilings that the document sets.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.name.permit.generation.document().limits
    }

    /// Completes once what is served no longer admits the connection: another document says so, or a rule has ended.
    pub async fn revoked(&self, current: Current) {
        self.name.permit.revoked(current, &self.request()).await;
        tracing::info!(to = %self, "a connection is no longer allowed");
    }

    /// Whether what is served now would still admit the connection.
    #[must_use]
    pub fn holds(&self, current: &Current) -> bool {
        self.name.permit.holds(current, &self.request(), now())
    }

    fn request(&self) -> Request<'_> {
        Request::Egress { host: &self.name.host, port: self.port }
    }
}

impl Display for Passage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.name.host, self.port)
    }
}

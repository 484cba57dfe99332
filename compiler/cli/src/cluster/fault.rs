//! What can go wrong with a cluster. All of it is the environment's fault.

use std::error::Error;

use kube::core::Status;

use super::Kind;
use crate::outcome::Failure;

/// Why a cluster did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no cluster is configured: {0}; name a file with `--kubeconfig`")]
    Kubeconfig(String),
    #[error("the cluster at `{server}` cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("the cluster at `{0}` does not know who asks; log in again, or name another `--context`")]
    Unauthorized(String),
    #[error("the right to {verb} `{resource}`{place} is missing: {reason}")]
    Forbidden { verb: &'static str, resource: String, place: String, reason: String },
    #[error(
        "admission refuses even a dry run of `{resource}`{place}: {reason}; name a `--context` that may deliver the bundle"
    )]
    Admission { resource: String, place: String, reason: String },
    #[error("the cluster at `{server}` could not {verb} `{resource}`: {reason}")]
    Answer { server: String, verb: &'static str, resource: String, reason: String },
    #[error("no request can be made: {0}")]
    Machine(String),
}

impl Fault {
    pub(super) fn of(error: kube::Error, server: &str, verb: &'static str, kind: &Kind, place: Option<&str>) -> Self {
        let resource = kind.in_roles();
        let place = place.map(|place| format!(" in `{place}`")).unwrap_or_default();
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) if status.code == 401 => Self::Unauthorized(server),
            kube::Error::Api(status) if is_admission(&status) => {
                Self::Admission { resource, place, reason: status.message }
            }
            kube::Error::Api(status) if status.code == 403 => {
                Self::Forbidden { verb, resource, place, reason: status.message }
            }
            kube::Error::Api(status) => Self::Answer { server, verb, resource, reason: status.message },
            error @ (kube::Error::HyperError(_) | kube::Error::Service(_)) => {
                Self::Unreachable { server, reason: causes(&error) }
            }
            error => Self::Answer { server, verb, resource, reason: causes(&error) },
        }
    }

    /// Whether it may be gone a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Answer { .. })
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Environment(fault.to_string())
    }
}

/// Whether the server says that the object itself cannot be applied, rather than that somebody may not do so.
pub(super) fn is_about_the_object(status: &Status) -> bool {
    matches!(status.code, 400 | 422) && !is_admission(status)
}

/// Whether a policy or a webhook of the cluster refuses.
fn is_admission(status: &Status) -> bool {
    let message = &status.message;
    matches!(status.code, 400 | 403 | 422)
        && (message.contains("ValidatingAdmissionPolicy") || message.contains("admission webhook"))
}

/// An error with what caused it, which is often the part that helps.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        // Some errors already say what caused them.
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        cause = inner.source();
    }
    texts.join(": ")
}

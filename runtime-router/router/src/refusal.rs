//! Every way to say no, in the one shape that agents are answered in. Not here: deciding.

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use kars_contract::RouterOrigins;
use kars_contract::agent_api::{ErrorCode, ErrorDetail, ErrorReply};
use kars_contract::permits::Decision;
use kars_kit::http::{Body, reply};

/// Characters of what a client wrote that are repeated to it and logged.
const LONGEST_SHOWN: usize = 256;

/// What a client wrote, fit for a message or a log: short, and without control characters.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect()
}

/// A request that is not carried out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", detail.message)]
pub struct Refusal {
    /// What the agent is told.
    pub detail: Box<ErrorDetail>,
}

impl Refusal {
    /// A refusal with the help that belongs to its code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { detail: Box::new(ErrorDetail::new(code, message)) }
    }

    /// A refusal by a rule, with the rule's place in the scenario.
    #[must_use]
    pub fn by(decision: &Decision, origins: &RouterOrigins, message: impl Into<String>) -> Self {
        let code = ErrorCode::of(decision.reason).unwrap_or(ErrorCode::PolicyDenied);
        let mut refusal = Self::new(code, message);
        refusal.detail.origin = decision.rule.as_ref().and_then(|rule| origins.rules.get(rule)).cloned();
        refusal.detail.rule.clone_from(&decision.rule);
        refusal
    }

    /// When the same request may succeed.
    #[must_use]
    pub fn after(mut self, milliseconds: u64) -> Self {
        self.detail.retry_after_ms = Some(milliseconds);
        self
    }

    /// What to do, where more is known than the code says.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.detail.help = Some(help.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.detail.code
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let (status, seconds) = (self.status(), self.detail.retry_after_ms.map(|after| after.div_ceil(1000)));
        let body = serde_json::to_vec(&ErrorReply { error: *self.detail }).expect("its keys are text");
        let mut response = reply(status, "application/json", body);
        if let Some(seconds) = seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

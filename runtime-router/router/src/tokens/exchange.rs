//! One exchange: what is held is shown to its issuer, over the router's one way out. Not here: what becomes of a token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::router::TokenIssuer;
use kars_kit::clock::now;
use kars_kit::serve::Tasks;
use tokio::time::timeout;

use super::cache::Issue;
use super::grant::Grant;
use super::token::{Moment, Token};
use super::{azure, copilot};
use crate::connect::Services;
use crate::connect::exchange::exchange;
use crate::credentials::{Credentials, Secret, read};
use crate::inference::upstream::retry_after;
use crate::metrics::Metrics;
use crate::policy::Current;
use crate::refusal::Refusal;

/// How long an issuer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same for the node, which is near.
const PATIENCE_NODE: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const LARGEST: usize = 64 * 1024;

/// Asks issuers.
#[derive(Debug)]
pub struct Exchanger {
    /// What is served: it says where issuers are.
    pub current: Current,
    /// Opens connections.
    pub services: Arc<Services>,
    /// What is exchanged for tokens of Copilot.
    pub credentials: Credentials,
    /// The file of the pod's service-account token.
    pub identity_token: Option<PathBuf>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Where connections are driven.
    pub tasks: Tasks,
}

/// Why there is no token, with the word that it is counted under.
struct Fault(&'static str, Refusal);

impl Issue for Exchanger {
    async fn issue(&self, grant: &Grant, asked: Moment) -> Result<Token, Refusal> {
        let issuer = grant.issuer();
        let result = self.attempt(grant, asked).await;
        let outcome = result.as_ref().map_or_else(|Fault(outcome, _)| *outcome, |_| "issued");
        self.metrics.exchanged(issuer, outcome);
        result.map_err(|Fault(_, refusal)| {
            let (issuer, problem) = (issuer.name(), refusal.detail.message.as_str());
            tracing::warn!(issuer = issuer.as_str(), outcome, problem, "no token was issued");
            refusal
        })
    }
}

impl Exchanger {
    async fn attempt(&self, grant: &Grant, asked: Moment) -> Result<Token, Fault> {
        let issuer = grant.issuer();
        let request = self.request(grant).map_err(|refusal| Fault("nothing-to-show", refusal))?;
        let patience = if issuer == TokenIssuer::Node { PATIENCE_NODE } else { PATIENCE };
        let answer = timeout(patience, self.ask(issuer, request)).await;
        let (status, headers, body) = answer
            .unwrap_or_else(|_| {
                let message = format!("{} does not answer within {} s", word(issuer), patience.as_secs());
                Err(Refusal::new(ErrorCode::UpstreamTimeout, message))
            })
            .map_err(|refusal| Fault("unreachable", refusal))?;
        if status != StatusCode::OK {
            return Err(Fault("refused", refused(issuer, status, &headers, &body)));
        }
        let token = match issuer {
            TokenIssuer::Copilot => copilot::token(&body, asked),
            TokenIssuer::Entra | TokenIssuer::Node => azure::token(&body, asked),
        };
        token.ok_or_else(|| {
            let message = format!("{} answers with no token that lasts", word(issuer));
            let help = "compare the clock of this machine with the time; what was answered is not logged";
            Fault("malformed", Refusal::new(ErrorCode::UpstreamUnavailable, message).help(help))
        })
    }

    /// What is shown. Files are read for every exchange, since others renew them.
    fn request(&self, grant: &Grant) -> Result<Request<Full<Bytes>>, Refusal> {
        match grant {
            Grant::Copilot(reference) => copilot::request(&self.credentials.read(reference)?).map_err(|_| {
                let message = format!("the router's credential `{reference}` holds letters that no header takes");
                Refusal::new(ErrorCode::UpstreamUnavailable, message)
            }),
            Grant::Entra { tenant, client, resource } => {
                Ok(azure::of_entra(tenant, client, resource, &self.service_account_token()?))
            }
            Grant::Node { resource } => Ok(azure::of_node(resource)),
        }
    }

    fn service_account_token(&self) -> Result<Secret, Refusal> {
        let token = match &self.identity_token {
            Some(path) => read(path),
            None => Err("is not there: `KARS_IDENTITY_TOKEN` is not set"),
        };
        token.map_err(|problem| {
            let message = format!("the pod's service-account token {problem}");
            let help = "a bundle mounts it into the router; look at the volume `identity-token` of the pod";
            Refusal::new(ErrorCode::UpstreamUnavailable, message).help(help)
        })
    }

    async fn ask(
        &self,
        issuer: TokenIssuer,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Refusal> {
        let broken = || Refusal::new(ErrorCode::UpstreamFailed, format!("{} broke the connection", word(issuer)));
        let generation = self.current.in_force(now())?;
        let (stream, authority) = self.services.dial_issuer(generation.document(), issuer).await?;
        let host = HeaderValue::try_from(authority).expect("the host of a destination is plain");
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (head, body) = exchange(stream, request, &self.tasks).await.map_err(|_| broken())?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|_| broken())?.to_bytes();
        Ok((head.status, head.headers, body))
    }
}

/// What an issuer's own refusal means here. Of its body only what cannot hold a secret is repeated.
fn refused(issuer: TokenIssuer, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let said = match issuer {
        TokenIssuer::Copilot => None,
        TokenIssuer::Entra | TokenIssuer::Node => azure::problem(body),
    };
    let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
    let message = format!("{} answers {}{said} instead of a token", word(issuer), status.as_u16());
    let refusal = Refusal::new(ErrorCode::UpstreamUnavailable, message);
    if let Some(wait) = retry_after(headers) {
        return refusal.after(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    }
    if !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return refusal;
    }
    refusal.help(match issuer {
        TokenIssuer::Copilot => "put a GitHub token into the model's secret whose owner has a seat of Copilot",
        TokenIssuer::Entra => {
            "compare `clientId` and `tenantId` of the model with the application, and its federated credential with the \
             service account `sandbox` of the agent's namespace"
        }
        TokenIssuer::Node => "give the node one identity, and that identity access to the model",
    })
}

/// How messages call an issuer.
fn word(issuer: TokenIssuer) -> &'static str {
    match issuer {
        TokenIssuer::Copilot => "GitHub",
        TokenIssuer::Entra => "Microsoft Entra",
        TokenIssuer::Node => "the node's identity endpoint",
    }
}

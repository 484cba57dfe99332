//! What a registry wants to see of whoever asks: a password, or a token that it names a place for. Not here: where passwords
//! are kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_auth::ChallengeRef;
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::credentials::Credentials;
use super::http::{Ask, Http, place};
use super::{Access, Fault};

/// The largest answer with a token.
const LARGEST: u64 = 64 << 10;

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Http {
    /// Learns what to show, from the challenge of the registry.
    pub(super) async fn authorize(&self, challenge: Option<&HeaderValue>) -> Result<(), Fault> {
        let refused = || Fault::Unauthorized(place(&self.base));
        let text = challenge.and_then(|challenge| challenge.to_str().ok()).ok_or_else(refused)?;
        let challenges: Vec<_> = http_auth::ChallengeParser::new(text).flatten().collect();
        let find = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        let shown = if let Some(challenge) = find("bearer") {
            format!("Bearer {}", self.token(challenge).await?)
        } else {
            find("basic").ok_or_else(refused)?;
            self.basic().ok_or_else(refused)?
        };
        *self.authorization.borrow_mut() = Some(secret(&shown).ok_or_else(refused)?);
        Ok(())
    }

    fn basic(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Basic { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Credentials::Anonymous | Credentials::Identity(_) => None,
        }
    }

    /// Asks for a token where the registry says, for no more than what is to be done.
    async fn token(&self, challenge: &ChallengeRef<'_>) -> Result<String, Fault> {
        let malformed =
            |reason: &str| Fault::Malformed { place: place(&self.base), reason: format!("its challenge {reason}") };
        let parameter = |name: &str| {
            let found = challenge.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let realm = parameter("realm").ok_or_else(|| malformed("names no `realm`"))?;
        let realm = Url::parse(&realm).map_err(|_| malformed("names a `realm` that is no address"))?;
        if realm.scheme() != "https" && !(self.base.scheme() == "http" && realm.host() == self.base.host()) {
            return Err(Fault::PlainHttp(place(&realm)));
        }
        let actions = if self.access == Access::Pull { "pull" } else { "pull,push" };
        let scope = format!("repository:{}:{actions}", self.address.repository);
        let mut fields = vec![("scope", scope)];
        fields.extend(parameter("service").map(|service| ("service", service)));
        let reply = match &self.credentials {
            Credentials::Identity(token) => self.exchange(realm, fields, token).await?,
            Credentials::Anonymous | Credentials::Basic { .. } => {
                let mut url = realm;
                url.query_pairs_mut().extend_pairs(fields);
                let ask = Ask { method: Method::GET, url, accept: "application/json", body: None, most: LARGEST };
                self.send_secret(&ask, self.basic().as_deref().and_then(secret)).await?
            }
        };
        if !reply.status.is_success() {
            return Err(Fault::Unauthorized(place(&self.base)));
        }
        let token: Token = serde_json::from_slice(&reply.body).map_err(|_| malformed("leads to no token"))?;
        token.token.or(token.access_token).ok_or_else(|| malformed("leads to no token"))
    }

    /// Exchanges a token that was kept for one that opens the repository.
    async fn exchange(
        &self,
        realm: Url,
        mut fields: Vec<(&str, String)>,
        token: &str,
    ) -> Result<super::http::Reply, Fault> {
        let further = [("grant_type", "refresh_token"), ("client_id", "karsc"), ("refresh_token", token)];
        fields.extend(further.map(|(name, value)| (name, value.to_owned())));
        let mut form = realm.clone();
        form.query_pairs_mut().clear().extend_pairs(fields);
        let ask = Ask {
            method: Method::POST,
            url: realm,
            accept: "application/json",
            body: Some((form.query().unwrap_or_default().as_bytes(), "application/x-www-form-urlencoded")),
            most: LARGEST,
        };
        self.send_secret(&ask, None).await
    }
}

/// A header that is kept out of logs.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

//! What providers are shown: secrets as they lie there, and tokens that are exchanged for something and kept while they last.
//!
//! Not here: how it is shown, which differs by provider (`inference::provider`).

mod azure;
mod cache;
mod copilot;
mod exchange;
mod grant;
mod keeper;
mod token;

use kars_contract::router::Route;
use kars_kit::serve::Tasks;
use tokio::sync::watch;

use cache::Cache;
pub use exchange::Exchanger;
use grant::{Grant, Held};
pub use keeper::{Health, Keeper};
use token::Moment;

use crate::credentials::{Credentials, Secret};
use crate::inference::provider::Shown;
use crate::refusal::Refusal;

/// Everything that providers are shown. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Tokens {
    credentials: Credentials,
    cache: Cache<Exchanger>,
    health: watch::Receiver<Health>,
}

/// What one provider is shown.
#[derive(Clone, Debug)]
pub struct Proof {
    secret: Secret,
    grant: Option<Grant>,
}

impl Tokens {
    /// Exchanges by this, and has a keeper look after it.
    #[must_use]
    pub fn new(exchanger: Exchanger, tasks: Tasks) -> (Self, Keeper) {
        let (credentials, current) = (exchanger.credentials.clone(), exchanger.current.clone());
        let (sender, health) = watch::channel(Health::default());
        let tokens = Self { credentials, cache: Cache::new(exchanger, Moment::now, tasks), health };
        let keeper = Keeper { tokens: tokens.clone(), current, health: sender };
        (tokens, keeper)
    }

    /// What a route's provider is shown now.
    pub async fn proof(&self, route: &Route) -> Result<Proof, Refusal> {
        match Held::of(route) {
            Held::Secret(reference) => Ok(Proof { secret: self.credentials.read(reference)?, grant: None }),
            Held::Grant(grant) => {
                let token = Box::pin(self.cache.token(&grant)).await?;
                Ok(Proof { secret: token.secret().clone(), grant: Some(grant) })
            }
        }
    }

    /// What is shown after the provider has refused this, if there is anything else.
    pub async fn instead_of(&self, refused: &Proof) -> Option<Proof> {
        let grant = refused.grant.as_ref()?;
        let token = Box::pin(self.cache.instead_of(grant, &refused.secret)).await?;
        Some(Proof { secret: token.secret().clone(), grant: Some(grant.clone()) })
    }

    /// What is known to be missing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }
}

impl Proof {
    /// The secret, to be taken out of what comes back.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How it is shown.
    #[must_use]
    pub fn shown(&self) -> Shown<'_> {
        let text = self.secret.reveal();
        if self.grant.is_some() { Shown::Token(text) } else { Shown::Key(text) }
    }
}

//! Sees in the background to what providers are shown: tokens are there before they are asked for, and what is missing is
//! known before a request fails. Not here: probes, which only read what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use kars_contract::Name;
use kars_contract::router::{Inference, Route};
use kars_kit::clock::now;
use kars_kit::serve::Tasks;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Tokens;
use super::grant::{Grant, Held};
use crate::policy::Current;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

/// What is known of what providers are shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// Whether each model has a candidate that can be asked.
    pub ready: bool,
    /// What is wrong, by route.
    pub problems: BTreeMap<Name, String>,
}

impl Default for Health {
    fn default() -> Self {
        Self { ready: true, problems: BTreeMap::new() }
    }
}

/// Looks, as long as the program runs.
#[derive(Debug)]
pub struct Keeper {
    pub(super) tokens: Tokens,
    pub(super) current: Current,
    pub(super) health: watch::Sender<Health>,
}

impl Keeper {
    /// Looks until the program drains.
    pub async fn keep(mut self, tasks: Tasks) {
        loop {
            self.look();
            tokio::select! {
                () = sleep(PERIOD) => (),
                () = self.tokens.cache.ended() => (),
                () = self.current.changed() => (),
                () = tasks.draining() => return,
            }
        }
    }

    /// Looks once.
    pub fn look(&self) {
        // Without a document nothing is needed, and the router is not ready anyway.
        let Ok(generation) = self.current.in_force(now()) else { return };
        let health = generation.document().inference.as_ref().map(|inference| self.of(inference)).unwrap_or_default();
        self.health.send_if_modified(|known| {
            let is_new = *known != health;
            for (route, problem) in
                health.problems.iter().filter(|(route, text)| known.problems.get(*route) != Some(text))
            {
                tracing::warn!(route = route.as_str(), problem, "a model's credential is missing");
            }
            *known = health;
            is_new
        });
    }

    fn of(&self, inference: &Inference) -> Health {
        let held = inference.routes.values().map(Held::of);
        let needed = held.filter_map(|held| if let Held::Grant(grant) = held { Some(grant) } else { None }).collect();
        self.tokens.cache.keep_only(&needed);
        let problem = |(name, route): (&Name, &Route)| Some((name.clone(), self.problem(route)?));
        let problems = inference.routes.iter().filter_map(problem).collect();
        Health { ready: each_has_one(inference, &problems), problems }
    }

    fn problem(&self, route: &Route) -> Option<String> {
        let missing = |reference| self.tokens.credentials.look(reference).err().map(|refusal| refusal.detail.message);
        match Held::of(route) {
            Held::Secret(reference) => missing(reference),
            Held::Grant(grant) => {
                // A token outlives what it was exchanged for, but no other would follow it.
                let missing = if let Grant::Copilot(reference) = &grant { missing(reference) } else { None };
                self.tokens.cache.tend(&grant).or(missing)
            }
        }
    }
}

/// Whether every model has a candidate without a problem.
fn each_has_one(inference: &Inference, problems: &BTreeMap<Name, String>) -> bool {
    inference.allowed.iter().all(|model| model.candidates.iter().any(|name| !problems.contains_key(name)))
}

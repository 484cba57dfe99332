//! Secrets encrypted with SOPS: files beside the scenario that are part of the bundle as they are, since a change of any
//! byte would break their seal. Not here: decrypting them, which the delivery engine does.

use kars_scenario::environment::SecretSource;
use kars_scenario::span::FileId;

use super::credentials;
use crate::resolve::{Agent, Resolved};

/// An encrypted Secret that an agent needs.
pub(crate) struct Encrypted {
    pub(crate) secret: String,
    /// Where the file is expected.
    pub(crate) path: String,
    /// Nothing where it is missing, which a rule reports.
    pub(crate) file: Option<FileId>,
    /// The keys that the agent's pod mounts.
    pub(crate) keys: Vec<String>,
}

/// The encrypted Secrets of an agent; none where the environment takes them from elsewhere.
pub(crate) fn of(scenario: &Resolved<'_>, agent: &Agent<'_>) -> Vec<Encrypted> {
    if scenario.target.secrets != SecretSource::Sops {
        return Vec::new();
    }
    let encrypted = |(secret, keys): (String, std::collections::BTreeSet<String>)| {
        let path = format!("secrets/{}/{secret}.sops.yaml", agent.name.value);
        Encrypted { file: scenario.texts.get(&path), secret, path, keys: keys.into_iter().collect() }
    };
    credentials::secrets_of_pod(agent).into_iter().map(encrypted).collect()
}

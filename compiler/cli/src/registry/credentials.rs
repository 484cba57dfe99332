//! Credentials from Docker's configuration and its helpers, as `docker login` left them. Not here: tokens made from them.

use std::env;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::{Address, Fault};

/// Who asks a registry. It is not printed.
pub(super) enum Credentials {
    Anonymous,
    Basic {
        user: String,
        password: String,
    },
    /// A token that others are made from.
    Identity(String),
}

impl Credentials {
    /// What is known for a host.
    pub(super) fn of(address: &Address) -> Result<Self, Fault> {
        // Docker keeps those of its own registry under this name.
        let server = if address.host == "docker.io" { "https://index.docker.io/v1/" } else { address.host.as_str() };
        let failed = |reason: String| Err(Fault::Credentials { host: address.host.clone(), reason });
        match docker_credential::get_credential(server) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Self::Basic { user, password }),
            Ok(DockerCredential::IdentityToken(token)) => Ok(Self::Identity(token)),
            Err(CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound) => {
                Ok(Self::Anonymous)
            }
            Err(CredentialRetrievalError::ConfigReadError) if !configured() => Ok(Self::Anonymous),
            Err(CredentialRetrievalError::HelperFailure { ref stdout, ref stderr, .. })
                if [stdout, stderr].iter().any(|text| text.contains("credentials not found")) =>
            {
                Ok(Self::Anonymous)
            }
            // What a helper printed may be a secret.
            Err(CredentialRetrievalError::HelperFailure { helper, .. }) => failed(format!("`{helper}` failed")),
            Err(error) => failed(error.to_string().to_lowercase()),
        }
    }
}

/// Whether there is a configuration at all.
fn configured() -> bool {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(home);
    folder.is_some_and(|folder| folder.join("config.json").exists())
}

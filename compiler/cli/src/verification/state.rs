//! What was accepted before, in a file: so that nothing older comes back. Not here: judging it (`kars_trust`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use kars_contract::name::Name;
use kars_trust::{Accepted, BundleClaims, SignatureFile, Statement};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::Report;
use crate::outcome::Failure;

/// What was accepted, by cluster, environment and scenario.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    accepted: BTreeMap<String, Accepted>,
}

/// A file that remembers, or none.
#[derive(Default)]
pub(crate) struct State {
    path: Option<PathBuf>,
    content: Content,
}

impl State {
    /// Reads the file. One that is not there yet remembers nothing; one that cannot be read does not count as that.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let shown = path.display();
        let content = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::Unverified {
                    exit: 15,
                    message: format!(
                        "`{shown}` does not say what was accepted before: {error}; restore it, or remove it if that is known to be safe"
                    ),
                }
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(Failure::Environment(format!("`{shown}` cannot be read: {error}"))),
        };
        Ok(Self { path: Some(path.to_owned()), content })
    }

    /// What was accepted before of that which a signature file is about.
    pub(super) fn before(&self, file: &SignatureFile) -> Option<&Accepted> {
        let claims = Statement::<BundleClaims>::decode(file.payload()?).ok()?.claims;
        self.content.accepted.get(&key(claims.cluster.as_ref(), &claims.environment, claims.scenario.as_ref()))
    }

    /// Remembers what was found to be true, whole or not at all.
    pub(crate) fn remember(mut self, report: &Report) -> Result<(), Failure> {
        let Some(path) = self.path.take() else { return Ok(()) };
        let key = key(report.cluster.as_ref(), &report.environment, report.scenario.as_ref());
        let accepted = Accepted { serial: report.serial, digest: report.bundle_digest.clone() };
        if self.content.accepted.get(&key) == Some(&accepted) {
            return Ok(());
        }
        self.content.accepted.insert(key, accepted);
        let text = serde_json::to_vec_pretty(&self.content).expect("its keys are text");
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = NamedTempFile::new_in(folder).and_then(|mut file| {
            file.write_all(&text)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        });
        written
            .map(drop)
            .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
    }
}

fn key(cluster: Option<&Name>, environment: &Name, scenario: Option<&Name>) -> String {
    let [cluster, scenario] = [cluster, scenario].map(|name| name.map_or("-", Name::as_str));
    format!("{cluster}/{environment}/{scenario}")
}

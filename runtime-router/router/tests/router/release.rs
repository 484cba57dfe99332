//! A signed release in a folder, as a pod has it, with anything about it wrong. Not here: what a router makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use kars_contract::router::Identity;
use kars_contract::trust::TrustDocument;
use kars_contract::{Digest, Document, Instant, RouterDocument};
use kars_trust::{PrivateKey, RouterClaims, Signer, Statement, sign};
use p256::SecretKey;
use p256::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};

use crate::support::{command, document};

const DAY: u64 = 86_400;
pub(crate) const SIGNATURE: &str = "trust/signature/document.sigstore.json";
pub(crate) const TRUST: &str = "trust/trust.json";

/// What is signed, by whom, and who is trusted.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) document: Value,
    /// The number of the key that signs.
    pub(crate) key: u8,
    pub(crate) trusted: u8,
    /// Seconds from now.
    pub(crate) serial: i64,
    pub(crate) not_after: i64,
    pub(crate) grace: u64,
    pub(crate) min_serial: u64,
    /// Whom the statement is for; whom the document is for, where nothing is said.
    pub(crate) agent: Option<&'static str>,
    pub(crate) namespace: Option<&'static str>,
}

impl Release {
    /// One that is in order, for hosts and ports.
    pub(crate) fn of(egress: &[(&str, &[u16])]) -> Self {
        let mut document = document(egress);
        document["dev"] = json!(false);
        document["mesh"] = Value::Null;
        document.as_object_mut().unwrap().remove("mesh");
        Self {
            document,
            key: 1,
            trusted: 1,
            serial: -1000,
            not_after: 100_000,
            grace: DAY,
            min_serial: 0,
            agent: None,
            namespace: None,
        }
    }

    /// Puts it in place: the document last, for whoever looks meanwhile.
    pub(crate) fn write(&self, folder: &Path) {
        let bytes = serde_json::to_vec_pretty(&self.document).unwrap();
        let Identity { scenario, environment, cluster, agent, namespace, .. } =
            RouterDocument::decode(&bytes).unwrap().identity;
        let claims = RouterClaims {
            agent: self.agent.map_or(agent, |agent| agent.parse().unwrap()),
            namespace: self.namespace.map_or(namespace, |namespace| namespace.parse().unwrap()),
            scenario,
            environment,
            cluster,
            serial: now().saturating_add_signed(self.serial),
            not_after: Instant::from_unix_seconds(now().saturating_add_signed(self.not_after).cast_signed()).unwrap(),
            grace: self.grace,
        };
        let statement = Statement { digest: Digest::of(&bytes), claims }.encode();
        let signature = sign(&statement, &[&private(self.key)]).unwrap().encode().into_bytes();
        let keys = BTreeSet::from([private(self.trusted).public_key().to_pem()]);
        let trust = TrustDocument { threshold: 1, keys, min_serial: self.min_serial };
        fs::create_dir_all(folder.join("trust/signature")).unwrap();
        for (name, bytes) in [(TRUST, trust.encode()), (SIGNATURE, signature), ("router.json", bytes)] {
            place(&folder.join(name), &bytes);
        }
    }
}

/// Puts a file in place, whole.
pub(crate) fn place(path: &Path, bytes: &[u8]) {
    let next = path.with_extension("next");
    fs::write(&next, bytes).unwrap();
    fs::rename(next, path).unwrap();
}

/// The binary, told whom to trust.
pub(crate) fn trusting(folder: &Path) -> Command {
    let mut command = command(folder);
    command.env("KARS_TRUST", folder.join("trust")).env("KARS_ORIGINS", folder.join("origins.json"));
    command
}

/// The same in the pod that the documents are for.
pub(crate) fn in_pod(folder: &Path) -> Command {
    let mut command = trusting(folder);
    command.env("KARS_POD_NAMESPACE", "kars-maf--scribe").env("KARS_POD_NAME", "scribe-0");
    command
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A private key. Every number from 1 on is another one.
fn private(number: u8) -> PrivateKey {
    let der = SecretKey::from_slice(&[number; 32]).unwrap().to_pkcs8_der().unwrap();
    PrivateKey::from_pkcs8_der(der.as_bytes()).unwrap()
}

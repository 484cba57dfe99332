//! Lays out a router's document as a pod has it: `signed-folder DOCUMENT FOLDER`, signed now by a key that everybody knows,
//! for tests that start a real program. Not here: signing that counts, which is `karsc sign`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use kars_contract::router::Identity;
use kars_contract::settings::{SIGNATURE_FILE, TRUST_FILE};
use kars_contract::trust::TrustDocument;
use kars_contract::{Digest, Document, Instant, RouterDocument};
use kars_trust::{PrivateKey, RouterClaims, Signer, Statement, sign};
use p256::SecretKey;
use p256::pkcs8::EncodePrivateKey;

const DAY: u64 = 86_400;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(document), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: signed-folder DOCUMENT FOLDER".into());
    };
    let document = fs::read(document)?;
    let key = PrivateKey::from_pkcs8_der(SecretKey::from_slice(&[1; 32])?.to_pkcs8_der()?.as_bytes())?;
    let statement = Statement { digest: Digest::of(&document), claims: claims(&document)? }.encode();
    let trust = TrustDocument { threshold: 1, keys: BTreeSet::from([key.public_key().to_pem()]), min_serial: 0 };
    let trusted = folder.join("trust");
    fs::create_dir_all(trusted.join("signature"))?;
    fs::write(folder.join("router.json"), &document)?;
    fs::write(trusted.join(TRUST_FILE), trust.encode())?;
    fs::write(trusted.join("signature").join(SIGNATURE_FILE), sign(&statement, &[&key])?.encode())?;
    Ok(())
}

fn claims(document: &[u8]) -> Result<RouterClaims, Box<dyn Error>> {
    let identity = RouterDocument::decode(document)?.identity;
    let Identity { scenario, environment, cluster, agent, namespace, .. } = identity;
    let serial = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let not_after = Instant::from_unix_seconds(i64::try_from(serial + 90 * DAY)?).ok_or("the clock is far off")?;
    Ok(RouterClaims { agent, namespace, scenario, environment, cluster, serial, not_after, grace: 7 * DAY })
}

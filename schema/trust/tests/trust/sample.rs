//! Keys, a document, its statement, and one question about them that is answered with yes. Not here: any test.

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::instant::Instant;
use kars_contract::router::{Identity, RouterDocument};
use kars_trust::verify::{self, Judge};
use kars_trust::{
    Accepted, Claims, Place, PrivateKey, PublicKey, Refusal, RouterClaims, Signer, Statement, Trust, Verified, sign,
};
use p256::SecretKey;
use p256::pkcs8::EncodePrivateKey;

/// A router's document as a build writes it.
pub(crate) const DOCUMENT: &[u8] = include_bytes!("../../../../tests/golden/byo/aks/documents/summariser.router.json");
/// The same of the dev profile.
pub(crate) const DEV_DOCUMENT: &[u8] =
    include_bytes!("../../../../tests/golden/byo/kind/documents/summariser.router.json");
/// The serial of what is signed, 2026-11-24.
pub(crate) const SERIAL: u64 = 1_795_478_400;
pub(crate) const DAY: u64 = 86_400;
/// From then on it should have been renewed.
pub(crate) const NOT_AFTER: u64 = SERIAL + 90 * DAY;
/// How many seconds later it ends.
pub(crate) const GRACE: u64 = 7 * DAY;

/// A private key. Every number from 1 on is another one.
pub(crate) fn private(number: u8) -> PrivateKey {
    let der = SecretKey::from_slice(&[number; 32]).unwrap().to_pkcs8_der().unwrap();
    PrivateKey::from_pkcs8_der(der.as_bytes()).unwrap()
}

pub(crate) fn public(number: u8) -> PublicKey {
    private(number).public_key().clone()
}

pub(crate) fn trust(numbers: &[u8], threshold: usize) -> Trust {
    Trust::in_keys(numbers.iter().copied().map(public), threshold, 0).unwrap()
}

pub(crate) fn instant(seconds: u64) -> Instant {
    Instant::from_unix_seconds(seconds.cast_signed()).unwrap()
}

pub(crate) fn identity() -> Identity {
    RouterDocument::decode(DOCUMENT).unwrap().identity
}

/// What is claimed about [`DOCUMENT`].
pub(crate) fn claims() -> RouterClaims {
    let Identity { scenario, environment, cluster, agent, namespace, .. } = identity();
    RouterClaims {
        agent,
        namespace,
        scenario,
        environment,
        cluster,
        serial: SERIAL,
        not_after: instant(NOT_AFTER),
        grace: GRACE,
    }
}

/// The bytes of a statement about some bytes.
pub(crate) fn statement<C: Claims>(about: &[u8], claims: C) -> Vec<u8> {
    Statement { digest: Digest::of(about), claims }.encode()
}

/// The signature file over a payload.
pub(crate) fn signed(payload: &[u8], numbers: &[u8]) -> Vec<u8> {
    let keys: Vec<PrivateKey> = numbers.iter().copied().map(private).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    sign(payload, &signers).unwrap().encode().into_bytes()
}

/// A question about a document.
pub(crate) struct Case {
    pub(crate) document: Vec<u8>,
    pub(crate) signatures: Vec<u8>,
    pub(crate) trust: Trust,
    pub(crate) place: Place,
    /// Unix seconds.
    pub(crate) now: u64,
    pub(crate) accepted: Option<Accepted>,
}

impl Case {
    /// Everything is as it should be: key 1 signed, and is trusted.
    pub(crate) fn good() -> Self {
        let Identity { cluster, agent, namespace, .. } = identity();
        Self {
            document: DOCUMENT.to_vec(),
            signatures: signed(&statement(DOCUMENT, claims()), &[1]),
            trust: trust(&[1], 1),
            place: Place { cluster: Some(cluster), namespace, agent },
            now: SERIAL,
            accepted: None,
        }
    }

    /// The same question, with other claims about the same document.
    pub(crate) fn claim(&mut self, change: impl FnOnce(&mut RouterClaims)) {
        let mut claims = claims();
        change(&mut claims);
        self.signatures = signed(&statement(&self.document, claims), &[1]);
    }

    pub(crate) fn ask(&self) -> Result<Verified<RouterDocument>, Refusal> {
        let judge = Judge { trust: &self.trust, now: instant(self.now), accepted: self.accepted.as_ref() };
        verify::router_document(&self.document, &self.signatures, &self.place, &judge)
    }
}

//! Which keys count, and how many: thresholds, rotation, spellings. Not here: key files.

use kars_contract::trust::TrustDocument;
use kars_trust::key::InvalidKey;
use kars_trust::trust::InvalidTrust;
use kars_trust::{PrivateKey, PublicKey, SignatureFile, Signer, Trust};

use crate::sample::{Case, DOCUMENT, claims, private, public, signed, statement, trust};

/// Which keys signed, which are trusted, how many must have signed, and the answer.
const TABLE: [(&[u8], &[u8], usize, &str); 11] = [
    (&[1], &[1], 1, ""),
    (&[1], &[1, 2], 1, ""),
    (&[1, 2], &[2], 1, ""),
    (&[1, 2], &[1, 2], 2, ""),
    (&[1, 3], &[1, 2, 3], 2, ""),
    (&[1, 2, 3], &[1, 2, 3], 3, ""),
    (&[1, 1], &[1, 2, 3], 2, "too-few-keys"),
    (&[1, 4], &[1, 2, 3], 2, "too-few-keys"),
    (&[1, 2], &[1, 2, 3], 3, "too-few-keys"),
    (&[4, 5], &[1, 2, 3], 2, "no-matching-key"),
    (&[1], &[2], 1, "no-matching-key"),
];

#[test]
fn distinct_trusted_keys_are_counted() {
    let payload = statement(DOCUMENT, claims());
    for (signers, trusted, threshold, code) in TABLE {
        let case = Case { signatures: signed(&payload, signers), trust: trust(trusted, threshold), ..Case::good() };
        let answer = case.ask();
        let found = answer.as_ref().err().map_or("", kars_trust::Refusal::code);
        assert_eq!(found, code, "{signers:?} for {threshold} of {trusted:?}");
        if let Ok(verified) = answer {
            let both = signers.iter().filter(|key| trusted.contains(key)).count();
            assert_eq!(verified.signers().len(), both, "{signers:?} of {trusted:?}");
        }
    }
}

#[test]
fn a_key_is_rotated_without_a_gap() {
    let payload = statement(DOCUMENT, claims());
    let [old, new] = [signed(&payload, &[1]), signed(&payload, &[2])];
    let ask = |signatures: &[u8], trusted: &[u8]| {
        Case { signatures: signatures.to_vec(), trust: trust(trusted, 1), ..Case::good() }.ask().is_ok()
    };
    let before = [ask(&old, &[1]), ask(&new, &[1])];
    let meanwhile = [ask(&old, &[1, 2]), ask(&new, &[1, 2])];
    let after = [ask(&old, &[2]), ask(&new, &[2])];
    assert_eq!([before, meanwhile, after], [[true, false], [true, true], [false, true]]);
}

#[test]
fn a_broken_signature_by_a_trusted_key_refuses_the_file_even_where_others_suffice() {
    let text = String::from_utf8(signed(&statement(DOCUMENT, claims()), &[2, 3])).unwrap();
    let forged = text.replace(public(3).hint(), public(1).hint());
    let mut lines: Vec<_> = forged.split_inclusive('\n').collect();
    lines.sort_unstable_by_key(|line| line.split_once("hint").map(|(_, hint)| hint));
    let case = Case { signatures: lines.concat().into_bytes(), trust: trust(&[1, 2], 1), ..Case::good() };
    assert_eq!(case.ask().unwrap_err().code(), "wrong-signature");
}

#[test]
fn two_spellings_of_a_key_are_one_key() {
    let pem = public(1).to_pem();
    let spellings = [pem.clone(), pem.replace('\n', "\r\n"), format!("\n{}", pem.trim_end())];
    let keys: Vec<_> = spellings.iter().map(|pem| PublicKey::from_pem(pem).unwrap()).collect();
    assert!(keys.iter().all(|key| *key == public(1) && key.hint() == public(1).hint()));
    let document = TrustDocument { threshold: 2, keys: spellings.into(), min_serial: 0 };
    assert_eq!(Trust::of(&document).unwrap_err(), InvalidTrust::Threshold { threshold: 2, keys: 1 });
}

#[test]
fn a_threshold_that_nobody_or_everybody_reaches_is_no_trust() {
    for (keys, threshold) in [(&[1, 2][..], 0), (&[1, 2], 3), (&[], 0), (&[], 1), (&[1, 1], 2)] {
        let distinct = usize::from(!keys.is_empty()) + usize::from(keys.contains(&2));
        let refused = Trust::in_keys(keys.iter().copied().map(public), threshold, 0).unwrap_err();
        assert_eq!(refused, InvalidTrust::Threshold { threshold, keys: distinct });
    }
}

/// Public keys that others use: P-384, Ed25519, and a point that is not on the curve.
const OTHER_KEYS: [&str; 3] = [
    "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE/W/vJZg5PNh1eww7HkcTlmOLoQ5w4LGl
IE011cMxFFKypHHjaVmFLnkSs4fD56AN9Q14q94H7LwBJATsYL14Tmg/IQf5ylnN
+kj2/Ue/r76ix1Aur3Im31ZawuMRGbeD
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAFJ/tgtyq0iVIc7EAts9V1mSCKDzsd9e25Mip7y31lSo=
-----END PUBLIC KEY-----",
    "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==
-----END PUBLIC KEY-----",
];

#[test]
fn only_keys_of_one_curve_are_read() {
    let pem = public(1).to_pem();
    let broken = [String::new(), pem.replace("PUBLIC", "PRIVATE"), pem.replace('M', "N"), format!("{pem}{pem}")];
    for text in OTHER_KEYS.iter().copied().chain(broken.iter().map(String::as_str)) {
        assert_eq!(PublicKey::from_pem(text).unwrap_err(), InvalidKey, "{text}");
    }
    assert!(PrivateKey::from_pkcs8_der(b"").is_err());
}

#[test]
fn signing_twice_gives_the_same_bytes_and_shows_no_secret() {
    let payload = statement(DOCUMENT, claims());
    assert_eq!(signed(&payload, &[1, 2]), signed(&payload, &[2, 1]));
    let shown = format!("{:?}", private(1));
    assert!(shown.contains(private(1).public_key().hint()), "{shown}");
    let secret = [[1_u8; 32].map(|byte| format!("{byte:02x}")).concat(), "1, 1, 1".to_owned()];
    assert!(secret.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[test]
fn adding_a_signature_keeps_those_over_the_same_statement() {
    let [payload, other] = [statement(DOCUMENT, claims()), statement(b"", claims())];
    let read = |payload: &[u8], keys: &[u8]| SignatureFile::decode(&signed(payload, keys)).unwrap();
    let mut file = read(&payload, &[1, 2]);
    for (added, left) in [(read(&payload, &[3]), 3), (read(&payload, &[1]), 3), (read(&other, &[2]), 1)] {
        file.add(added.envelopes().next().unwrap().clone());
        assert_eq!(file.envelopes().count(), left);
    }
    assert_eq!(file.payload(), Some(other.as_slice()));
}

//! Every way to be refused, with its code and its exit code. Not here: how long something counts.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_contract::trust::TrustDocument;
use kars_trust::verify::{self, Judge, MOST_AHEAD};
use kars_trust::{Accepted, BundleClaims, Signer, Trust};

use crate::sample::{
    Case, DAY, DEV_DOCUMENT, DOCUMENT, GRACE, NOT_AFTER, SERIAL, claims, instant, private, public, signed, statement,
    trust,
};

/// The code and the exit code of the answer, what the fault is, and how it is made in a good case.
type Row = (&'static str, u8, &'static str, fn(&mut Case));

const TABLE: [Row; 38] = [
    ("unsigned", 10, "an empty slot", |case| case.signatures.clear()),
    ("malformed-signature", 12, "a blank line", |case| case.signatures = b"\n".to_vec()),
    ("malformed-signature", 12, "no bundle", |case| case.signatures = b"{}\n".to_vec()),
    ("malformed-signature", 12, "half a file", |case| {
        let half = case.signatures.len() / 2;
        case.signatures.truncate(half);
        case.signatures.push(b'\n');
    }),
    ("malformed-signature", 12, "another media type", |case| edit(case, "v0.3+json", "v0.2+json")),
    ("malformed-signature", 12, "another payload type", |case| edit(case, "in-toto", "out-toto")),
    ("malformed-signature", 12, "no base64", |case| edit(case, r#""payload":""#, r#""payload":"!"#)),
    ("malformed-signature", 12, "no DER", |case| edit(case, r#""sig":"ME"#, r#""sig":"AA"#)),
    ("malformed-signature", 12, "no signature in the envelope", |case| {
        let text = String::from_utf8(case.signatures.clone()).unwrap();
        let start = text.find(r#"{"sig""#).unwrap();
        case.signatures = format!("{}]}}}}\n", &text[..start]).into_bytes();
    }),
    ("malformed-signature", 12, "a certificate", |case| edit(case, "publicKey", "certificate")),
    ("malformed-signature", 12, "an entry of a log", |case| {
        edit(case, r#""publicKey""#, r#""tlogEntries":[],"publicKey""#);
    }),
    ("not-canonical", 12, "no line feed at the end", |case| case.signatures.truncate(case.signatures.len() - 1)),
    ("malformed-signature", 12, "a space more", |case| edit(case, ":{", ": {")),
    ("malformed-signature", 12, "a hint in the envelope", |case| edit(case, r#"{"sig""#, r#"{"keyid":"","sig""#)),
    ("malformed-signature", 12, "an escape where none is needed", |case| edit(case, "application/", r"application\/")),
    ("not-canonical", 12, "a key that signed twice", |case| case.signatures = case.signatures.repeat(2)),
    ("not-canonical", 12, "hints out of order", |case| {
        let lines = signed(&statement(DOCUMENT, claims()), &[1, 2]);
        let lines: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').rev().collect();
        case.signatures = lines.concat();
    }),
    ("not-canonical", 12, "bytes that are no text", |case| case.signatures.insert(0, 0xff)),
    ("several-statements", 12, "two keys over two statements", |case| {
        let mut lines = [signed(&statement(DOCUMENT, claims()), &[1]), signed(&statement(b"", claims()), &[2])];
        lines.sort_by_key(|line| String::from_utf8_lossy(line).split_once("hint").map(|(_, hint)| hint.to_owned()));
        case.signatures = lines.concat();
    }),
    ("malformed-statement", 12, "something else that the key signed", |case| case.signatures = signed(b"[]", &[1])),
    ("other-statement", 12, "the statement about the bundle", |case| {
        case.signatures = signed(&statement(DOCUMENT, bundle_claims()), &[1]);
    }),
    ("no-matching-key", 12, "another key is trusted", |case| case.trust = trust(&[2], 1)),
    ("too-few-keys", 12, "one of two", |case| case.trust = trust(&[1, 2], 2)),
    ("too-few-keys", 12, "one of two, and one that is not trusted", |case| {
        case.trust = trust(&[1, 2], 2);
        case.signatures = signed(&statement(DOCUMENT, claims()), &[1, 3]);
    }),
    ("wrong-signature", 12, "the signature of another statement", |case| {
        let other = signed(&statement(b"", claims()), &[1]);
        case.signatures = with_signature_of(&case.signatures, &other);
    }),
    ("wrong-signature", 12, "another key under a trusted hint", |case| {
        let payload = statement(DOCUMENT, claims());
        let text = String::from_utf8(signed(&payload, &[2])).unwrap();
        case.signatures = text.replace(public(2).hint(), public(1).hint()).into_bytes();
    }),
    ("wrong-place", 13, "another agent", |case| case.place.agent = "other".parse().unwrap()),
    ("wrong-place", 13, "another namespace", |case| case.place.namespace = "kars-byo--other".parse().unwrap()),
    ("wrong-place", 13, "another cluster", |case| case.place.cluster = Some("other".parse().unwrap())),
    ("wrong-place", 13, "another scenario than the document says", |case| {
        case.claim(|claims| claims.scenario = "other".parse().unwrap());
    }),
    ("other-digest", 14, "a line feed more", |case| case.document.push(b'\n')),
    ("other-digest", 14, "the document of another build", |case| case.document = DEV_DOCUMENT.to_vec()),
    ("malformed-document", 14, "no document, rightly signed", |case| {
        case.document = b"{}".to_vec();
        case.signatures = signed(&statement(b"{}", claims()), &[1]);
    }),
    ("rollback", 15, "older than what was accepted", |case| {
        case.accepted = Some(Accepted { serial: SERIAL + 1, digest: Digest::of(DOCUMENT) });
    }),
    ("equivocation", 15, "another content under the same serial", |case| {
        case.accepted = Some(Accepted { serial: SERIAL, digest: Digest::of(b"") });
    }),
    ("below-minimum", 15, "older than the trust asks for", |case| {
        case.trust = Trust::in_keys([public(1)], 1, SERIAL + 1).unwrap();
    }),
    ("ahead", 15, "the last serial that there is", |case| case.claim(|claims| claims.serial = u64::MAX)),
    ("expired", 16, "the end of its grace", |case| case.now = NOT_AFTER + GRACE),
];

#[test]
fn every_fault_is_refused_with_its_code() {
    assert!(Case::good().ask().is_ok(), "without a fault it is accepted");
    for (code, exit, what, spoil) in TABLE {
        let mut case = Case::good();
        spoil(&mut case);
        let refusal = case.ask().expect_err(what);
        assert_eq!((refusal.code(), refusal.exit_code()), (code, exit), "{what}: {refusal}");
    }
}

#[test]
fn every_code_is_reached() {
    let reached: BTreeSet<_> = TABLE.iter().map(|(code, ..)| *code).collect();
    let source = include_str!("../../src/refusal.rs");
    let codes = source.split("pub fn code").nth(1).unwrap().split("pub fn exit_code").next().unwrap();
    let defined: BTreeSet<_> = codes.split('"').skip(1).step_by(2).collect();
    assert_eq!(reached, defined);
}

#[test]
fn serials_are_compared_to_the_second() {
    let mut case = Case::good();
    case.accepted = Some(Accepted { serial: SERIAL, digest: Digest::of(DOCUMENT) });
    assert!(case.ask().is_ok(), "the same again");
    case.trust = Trust::in_keys([public(1)], 1, SERIAL).unwrap();
    assert!(case.ask().is_ok(), "the minimum itself");
    case.now = SERIAL - MOST_AHEAD;
    assert!(case.ask().is_ok(), "as far ahead as clocks may differ");
    case.now -= 1;
    assert_eq!(case.ask().unwrap_err().code(), "ahead");
}

#[test]
fn where_the_cluster_is_not_known_the_rest_of_the_place_still_counts() {
    let mut case = Case::good();
    case.place.cluster = None;
    assert!(case.ask().is_ok());
    case.claim(|claims| claims.cluster = "other".parse().unwrap());
    assert_eq!(case.ask().unwrap_err().code(), "wrong-place", "the document itself says another cluster");
}

#[test]
fn a_bundle_is_for_one_cluster() {
    let judge = Judge { trust: &trust(&[1], 1), now: instant(SERIAL), accepted: None };
    let file = signed(&statement(b"inventory", bundle_claims()), &[1]);
    let ask = |audience: Option<&str>| {
        let audience = audience.map(|name| name.parse().unwrap());
        verify::bundle(&Digest::of(b"inventory"), &file, audience.as_ref(), &judge)
    };
    assert!(ask(None).is_ok() && ask(Some("prod")).is_ok());
    assert_eq!(ask(Some("prod-2")).unwrap_err().exit_code(), 13);
}

#[test]
fn only_a_dev_document_without_trust_needs_no_signature() {
    assert!(verify::dev_document(DEV_DOCUMENT, None).unwrap().dev);
    for (document, trust, code) in [
        (DEV_DOCUMENT, Some(trust(&[1], 1)), "unsigned"),
        (DOCUMENT, None, "unsigned"),
        (DOCUMENT, Some(trust(&[1], 1)), "unsigned"),
        (b"{}".as_slice(), None, "malformed-document"),
    ] {
        assert_eq!(verify::dev_document(document, trust.as_ref()).unwrap_err().code(), code);
    }
}

#[test]
fn the_lowest_serial_comes_from_the_trust_document() {
    let mut case = Case::good();
    let keys = [public(1).to_pem()].into();
    let document = TrustDocument { threshold: 1, keys, min_serial: SERIAL + DAY };
    case.trust = Trust::of(&TrustDocument::decode(&document.encode()).unwrap()).unwrap();
    assert_eq!(case.ask().unwrap_err().code(), "below-minimum");
}

#[test]
fn what_is_verified_can_be_remembered() {
    let verified = Case::good().ask().unwrap();
    let accepted = verified.accepted();
    assert_eq!(accepted, Accepted { serial: SERIAL, digest: Digest::of(DOCUMENT) });
    assert_eq!(verified.signers(), [private(1).public_key().hint()]);
}

fn bundle_claims() -> BundleClaims {
    BundleClaims {
        scenario: Some("byo".parse().unwrap()),
        environment: "production".parse().unwrap(),
        cluster: Some("prod".parse().unwrap()),
        content_digest: Digest::of(b""),
        serial: SERIAL,
        not_after: instant(NOT_AFTER),
        grace: GRACE,
        kept: BTreeMap::new(),
    }
}

fn edit(case: &mut Case, from: &str, to: &str) {
    let text = String::from_utf8(case.signatures.clone()).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    case.signatures = text.replacen(from, to, 1).into_bytes();
}

/// A signature file with the signature of another one.
fn with_signature_of(file: &[u8], other: &[u8]) -> Vec<u8> {
    let [file, other] = [file, other].map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    let signature = |text: &str| text.split(r#""sig":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    file.replace(&signature(&file), &signature(&other)).into_bytes()
}

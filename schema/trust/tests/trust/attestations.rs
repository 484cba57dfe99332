//! Statements of other types, and bundles that other programs wrote. Not here: what an attestation must say.

use kars_contract::digest::Digest;
use kars_trust::envelope::InvalidEnvelope;
use kars_trust::statement::Attested;
use kars_trust::verify::attestation;
use kars_trust::{Envelope, PublicKey, Refusal, SignatureFile, Trust};
use serde_json::value::RawValue;

use crate::sample::{public, signed, trust};

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// What `cosign sign` states about an artifact.
const COSIGN: &str = "https://sigstore.dev/cosign/sign/v1";

fn about(artifact: &[u8], predicate_type: &str) -> Vec<u8> {
    let predicate = RawValue::from_string(r#"{ "b": 1, "a": [1.50] }"#.to_owned()).unwrap();
    Attested { digest: Digest::of(artifact), predicate_type: predicate_type.to_owned(), predicate }.encode()
}

/// A bundle as cosign lays it out: spaces, fields that are empty here, and a statement without a name.
fn foreign(payload: &[u8], key: u8) -> String {
    let line = String::from_utf8(signed(payload, &[key])).unwrap();
    let field = |name: &str| {
        let start = format!(r#""{name}":""#);
        line.split(&start).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    format!(
        r#"{{
  "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
  "verificationMaterial": {{
    "publicKey": {{ "hint": "{}" }},
    "tlogEntries": [],
    "timestampVerificationData": null
  }},
  "dsseEnvelope": {{
    "payload": "{}",
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{{ "sig": "{}" }}]
  }}
}}
"#,
        public(key).hint(),
        field("payload"),
        field("sig")
    )
}

fn ask(envelopes: &[Envelope]) -> Result<String, Refusal> {
    let trust = trust(&[1], 1);
    let (attested, signers) = attestation(envelopes, &Digest::of(b"artifact"), COSIGN, &trust)?;
    assert_eq!(signers, [public(1).hint()]);
    Ok(attested.predicate.get().to_owned())
}

#[test]
fn what_cosign_writes_is_read_and_checked() {
    let text = foreign(&about(b"artifact", COSIGN), 1);
    let envelope = Envelope::decode_foreign(text.as_bytes()).unwrap();
    assert_eq!(ask(&[envelope]).unwrap(), r#"{ "b": 1, "a": [1.50] }"#, "the predicate is kept verbatim");
    assert!(SignatureFile::decode(text.as_bytes()).is_err(), "our own files are written in one way");
}

/// What cosign 3.1 wrote over a bundle that this project had published, and its key.
#[test]
fn what_cosign_wrote_is_read_and_checked() {
    let bundle = include_bytes!("../cosign/sign.sigstore.json");
    let key = PublicKey::from_pem(include_str!("../cosign/sign.pub")).unwrap();
    let envelope = Envelope::decode_foreign(bundle).unwrap();
    assert_eq!(envelope.hint(), key.hint());
    let digest = Digest::parse("sha256:c82dfe9c4f60c4b86ef09cad3aa60ecbb19c7d6d6ecff85ea7b50784e38d254e").unwrap();
    let theirs = Trust::in_keys([key], 1, 0).unwrap();
    let (attested, signers) = attestation([&envelope], &digest, COSIGN, &theirs).unwrap();
    assert_eq!((attested.predicate.get(), signers.len()), ("{}", 1));
    assert_eq!(attestation([&envelope], &Digest::of(b""), COSIGN, &theirs).unwrap_err().code(), "other-digest");
    assert_eq!(attestation([&envelope], &digest, COSIGN, &trust(&[1], 1)).unwrap_err().code(), "no-matching-key");
}

#[test]
fn only_a_trusted_statement_about_the_artifact_counts() {
    let read = |payload: Vec<u8>, key| Envelope::decode_foreign(foreign(&payload, key).as_bytes()).unwrap();
    let right = read(about(b"artifact", COSIGN), 1);
    let others = [
        (read(about(b"artifact", COSIGN), 2), "no-matching-key"),
        (read(about(b"artifact", PROVENANCE), 1), "other-statement"),
        (read(about(b"another", COSIGN), 1), "other-digest"),
        (read(b"{}".to_vec(), 1), "malformed-statement"),
    ];
    assert_eq!(ask(&[]).unwrap_err().code(), "unsigned");
    for (other, code) in &others {
        assert_eq!(ask(std::slice::from_ref(other)).unwrap_err().code(), *code);
    }
    let mut all: Vec<_> = others.into_iter().map(|(other, _)| other).collect();
    all.push(right);
    assert!(ask(&all).is_ok(), "what is about something else is passed over");
}

#[test]
fn several_keys_may_attest_in_several_bundles() {
    let payload = about(b"artifact", COSIGN);
    let [first, second] = [1, 2].map(|key| Envelope::decode_foreign(foreign(&payload, key).as_bytes()).unwrap());
    let both = trust(&[1, 2], 2);
    let ask = |envelopes: &[Envelope]| attestation(envelopes, &Digest::of(b"artifact"), COSIGN, &both);
    assert_eq!(ask(&[first.clone(), second]).unwrap().1.len(), 2);
    assert_eq!(ask(&[first.clone(), first]).unwrap_err().code(), "too-few-keys");
}

#[test]
fn a_bundle_without_a_key_is_not_read() {
    let text = foreign(&about(b"artifact", COSIGN), 1);
    for (from, to) in [
        (r#""publicKey""#, r#""certificate""#),
        ("bundle.v0.3", "bundle.v0.1"),
        (r#"[{ "sig""#, r#"[{ "sig": "" }, { "sig""#),
        (r#""dsseEnvelope""#, r#""messageSignature""#),
        (r#""sig": ""#, r#""sig": "!"#),
    ] {
        assert!(text.contains(from), "`{from}`");
        assert!(Envelope::decode_foreign(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
    }
    let huge = vec![b' '; (16 << 20) + 1];
    assert_eq!(Envelope::decode_foreign(&huge).unwrap_err(), InvalidEnvelope::TooLarge(huge.len()));
}

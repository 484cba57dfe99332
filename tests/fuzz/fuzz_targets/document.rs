//! Any bytes as a document: what is read is written back as bytes that read the same.
#![no_main]

use kars_contract::document::Document;
use kars_contract::relay::RelayDocument;
use kars_contract::router::RouterDocument;
use kars_contract::trust::TrustDocument;
use libfuzzer_sys::fuzz_target;

fn round_trip<D: Document>(bytes: &[u8]) {
    let Ok(document) = D::decode(bytes) else { return };
    let written = document.encode();
    let again = D::decode(&written).expect("what is written can be read");
    assert_eq!(again.encode(), written);
}

fuzz_target!(|bytes: &[u8]| {
    round_trip::<RouterDocument>(bytes);
    round_trip::<RelayDocument>(bytes);
    round_trip::<TrustDocument>(bytes);
});

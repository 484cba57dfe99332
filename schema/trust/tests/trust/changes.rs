//! Whatever one changes, it is refused: one byte of a document, or of a signature file.

use proptest::prelude::*;

use crate::sample::{Case, claims, signed, statement, trust};

/// One change of some bytes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Other bits at a place.
    Flip(u8),
    /// A byte more.
    Insert(u8),
    /// A byte less.
    Remove,
    /// Nothing from there on.
    Cut,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (1..=u8::MAX).prop_map(Change::Flip),
        2 => any::<u8>().prop_map(Change::Insert),
        2 => Just(Change::Remove),
        1 => Just(Change::Cut),
    ]
}

fn changed(bytes: &[u8], at: usize, change: Change) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match change {
        Change::Flip(bits) => bytes[at] ^= bits,
        Change::Insert(byte) => bytes.insert(at, byte),
        Change::Remove => drop(bytes.remove(at)),
        Change::Cut => bytes.truncate(at),
    }
    bytes
}

/// Signed by two keys, both of which must have signed.
fn twofold() -> Case {
    let good = Case::good();
    let signatures = signed(&statement(&good.document, claims()), &[1, 2]);
    Case { signatures, trust: trust(&[1, 2], 2), ..good }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_byte_of_a_document_can_change(at in any::<prop::sample::Index>(), change in change()) {
        let mut case = Case::good();
        case.document = changed(&case.document, at.index(case.document.len()), change);
        let answer = case.ask();
        prop_assert!(matches!(&answer, Err(refusal) if refusal.exit_code() == 14), "{answer:?}");
    }

    #[test]
    fn no_byte_of_a_signature_file_can_change(at in any::<prop::sample::Index>(), change in change()) {
        let mut case = twofold();
        case.signatures = changed(&case.signatures, at.index(case.signatures.len()), change);
        let answer = case.ask();
        prop_assert!(matches!(&answer, Err(refusal) if [10, 12].contains(&refusal.exit_code())), "{answer:?}");
    }

    #[test]
    fn no_bytes_make_the_reader_fall(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let case = Case { signatures: bytes, ..Case::good() };
        prop_assert!(case.ask().is_err());
    }
}

#[test]
fn every_byte_of_a_signature_file_counts() {
    let good = Case::good();
    for at in 0..good.signatures.len() {
        let signatures = changed(&good.signatures, at, Change::Flip(1 << (at % 8)));
        let case = Case { signatures, ..Case::good() };
        assert!(case.ask().is_err(), "byte {at}");
    }
}

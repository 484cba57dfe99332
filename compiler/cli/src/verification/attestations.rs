//! What a second key attests about a bundle: how it was made, and what is in it. Not here: the bundle's own signature.

use kars_contract::digest::Digest;
use kars_trust::{SignatureFile, verify};
use serde_json::Value;

use super::world::World;
use super::{Expectations, SIGNATURES, mismatch, refused};
use crate::outcome::Failure;

/// Signature file, the file it vouches for, and the type of the statement.
pub(crate) const ATTESTED: [(&str, &str, &str); 2] = [
    ("provenance.sigstore.json", "provenance.json", "https://slsa.dev/provenance/v1"),
    ("sbom.sigstore.json", "sbom.spdx.json", "https://spdx.dev/Document/v2.3"),
];

/// Checks the attestations where they are asked for; otherwise only that what is there is one. Returns their types.
pub(super) fn check(world: &World<'_>, digest: &Digest, expectations: &Expectations) -> Result<Vec<String>, Failure> {
    let mut types = Vec::new();
    for (name, file, predicate_type) in ATTESTED {
        let path = format!("{SIGNATURES}/{name}");
        let refuse = |refusal| refused(&path, &refusal);
        let Some(trust) = &expectations.attestation else {
            if world.has_signature(name) {
                SignatureFile::decode(world.signature(name)).map_err(refuse)?;
            }
            continue;
        };
        let signatures = SignatureFile::decode(world.signature(name)).map_err(refuse)?;
        let (attested, _) =
            verify::attestation(signatures.envelopes(), digest, predicate_type, trust).map_err(refuse)?;
        agree(file, &world.content(file)?, attested.predicate.get())?;
        types.push(predicate_type.to_owned());
    }
    Ok(types)
}

/// What is attested is what was reviewed. Provenance has more where it is attested: who built, and with which programs.
fn agree(file: &str, reviewed: &[u8], attested: &str) -> Result<(), Failure> {
    let unreadable = |error: serde_json::Error| mismatch(&format!("`{file}` or what is attested about it: {error}"));
    let reviewed: Value = serde_json::from_slice(reviewed).map_err(unreadable)?;
    let attested: Value = serde_json::from_str(attested).map_err(unreadable)?;
    if file != "provenance.json" {
        return if reviewed == attested { Ok(()) } else { Err(mismatch(&format!("`{file}` is not what is attested"))) };
    }
    for (pointer, what) in [("/buildDefinition", "inputs"), ("/runDetails/builder/id", "builder")] {
        let (ours, theirs) = (reviewed.pointer(&format!("/predicate{pointer}")), attested.pointer(pointer));
        if ours.is_none() || ours != theirs {
            let [ours, theirs] =
                [ours, theirs].map(|value| value.map_or_else(|| "nothing".to_owned(), Value::to_string));
            return Err(mismatch(&format!("the attested {what} are `{theirs}`, `{file}` says `{ours}`")));
        }
    }
    Ok(())
}

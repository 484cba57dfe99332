//! What is attested about a bundle: how it was made, with the digests of the programs that made it, and what is in it.
//! Both are about the digest that is signed. Not here: the reviewed files, which stay as they are.

use std::fs;

use kars_contract::digest::Digest;
use kars_trust::statement::Attested;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::kcl;
use crate::outcome::Failure;
use crate::verification::{ATTESTED, World, mismatch};

/// The statements, by the names of their signature files.
pub(super) fn payloads(world: &World<'_>, digest: &Digest) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let mut payloads = Vec::new();
    for (name, file, predicate_type) in ATTESTED {
        if !world.has(file) {
            let message = format!("the bundle has no `{file}` to attest; sign it without `--attestation-key`");
            return Err(Failure::Usage(message));
        }
        let reviewed = world.content(file)?;
        let predicate =
            if file == "provenance.json" { provenance(file, &reviewed)? } else { verbatim(file, reviewed)? };
        let statement = Attested { digest: digest.clone(), predicate_type: predicate_type.to_owned(), predicate };
        payloads.push((name, statement.encode()));
    }
    Ok(payloads)
}

fn verbatim(file: &str, reviewed: Vec<u8>) -> Result<Box<RawValue>, Failure> {
    let text = String::from_utf8(reviewed).ok().and_then(|text| RawValue::from_string(text).ok());
    text.ok_or_else(|| mismatch(&format!("`{file}` is not JSON")))
}

/// The predicate of the reviewed statement, with the digests of this program and of the KCL engine, if it took part.
fn provenance(file: &str, reviewed: &[u8]) -> Result<Box<RawValue>, Failure> {
    let strange = || mismatch(&format!("`{file}` is not a statement about a build"));
    let mut statement: Value = serde_json::from_slice(reviewed).map_err(|_| strange())?;
    let mut predicate = statement.get_mut("predicate").map(Value::take).ok_or_else(strange)?;
    let builder = predicate.pointer_mut("/runDetails/builder").and_then(Value::as_object_mut).ok_or_else(strange)?;
    let mut programs = vec![program("karsc", &own_digest()?)];
    if builder.get("version").and_then(|version| version.get("kcl")).is_some() {
        let engine = kcl::engine_digest().map_err(|error| Failure::Environment(error.to_string()))?;
        programs.push(program("kcl", &engine));
    }
    builder.insert("builderDependencies".to_owned(), Value::Array(programs));
    let text = predicate.to_string();
    Ok(RawValue::from_string(text).expect("what was read as JSON is written as JSON"))
}

fn program(name: &str, digest: &Digest) -> Value {
    let field = |name: &str, value: Value| (name.to_owned(), value);
    let digest: Map<String, Value> = [field("sha256", digest.hex().into())].into_iter().collect();
    Value::Object([field("name", name.into()), field("digest", digest.into())].into_iter().collect())
}

/// Of the program that runs.
fn own_digest() -> Result<Digest, Failure> {
    let bytes = std::env::current_exe().and_then(fs::read);
    let failed = |error| Failure::Environment(format!("karsc cannot read its own program: {error}"));
    bytes.map(|bytes| Digest::of(&bytes)).map_err(failed)
}

//! The predicates that are attested: what was reviewed, and for provenance also which programs made it. Not here: signing.

use std::path::{Path, PathBuf};

use kars_contract::digest::Digest;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::kcl;
use crate::outcome::Failure;

/// The predicate of a statement about `provenance.json` or `sbom.spdx.json`.
pub(super) fn predicate(file: &str, reviewed: &[u8]) -> Result<Box<RawValue>, Failure> {
    let unreadable = |error: serde_json::Error| Failure::Usage(format!("`{file}`: {error}"));
    let mut value: Value = serde_json::from_slice(reviewed).map_err(unreadable)?;
    if file == "provenance.json" {
        value = value["predicate"].take();
        let builder = &mut value["runDetails"]["builder"];
        let programs = programs(builder["version"].get("kcl").is_some())?;
        builder["builderDependencies"] = programs;
    }
    serde_json::value::to_raw_value(&value).map_err(unreadable)
}

/// The programs that read the inputs, with their digests. They are those of this machine, which signs what it has built.
fn programs(with_kcl: bool) -> Result<Value, Failure> {
    let karsc = std::env::current_exe()
        .map_err(|error| Failure::Environment(format!("the path of karsc itself is not known: {error}")))?;
    let mut programs = vec![program("karsc", &karsc)?];
    if with_kcl {
        programs.push(program("kcl", &engine()?)?);
    }
    Ok(Value::Array(programs))
}

/// Where the engine is that evaluated the scenario.
fn engine() -> Result<PathBuf, Failure> {
    kcl::engine_file().map_err(|error| {
        let reason = error.faults.first().map_or("it is not there", |fault| fault.message.as_str());
        Failure::Environment(format!("the digest of the KCL engine cannot be attested: {reason}"))
    })
}

fn program(name: &str, path: &Path) -> Result<Value, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", path.display())))?;
    Ok(json!({ "name": name, "digest": { "sha256": Digest::of(&bytes).hex() } }))
}

//! Scenarios written in KCL: from `scenario.k` to the JSON of a scenario. Not here: what a scenario means.
//!
//! The official engine runs in a child process on a copy of the files that the scenario imports, beside the schema package
//! `karsc.v1alpha1`. Nothing else is in reach of the evaluation, and imports that would make its result depend on time,
//! network or files are refused before it starts.

mod child;
mod engine;
mod fault;
mod gather;
mod imports;
mod pretty;
mod sarif;
mod stage;

use std::collections::BTreeMap;
use std::path::Path;

use kars_contract::digest::Digest;

pub(crate) use fault::{Fault, FaultKind, KclError, Place};

use engine::{Answer, Engine, Places};
use gather::gather;
use stage::Stage;

/// What a `.k` file evaluated to.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// A JSON object of the top-level value `scenario` and, where there is one, `environment`.
    pub(crate) json: String,
    /// Name and version of the engine, as in `kcl-lib 0.13.2`.
    pub(crate) engine: String,
    /// The files it was made from, by path from the folder; the schema package is not among them.
    pub(crate) files: BTreeMap<String, Digest>,
}

/// Evaluates `file`, a path inside of `root`.
///
/// `schema` holds the files of the package `karsc`, as (path below `karsc/`, text).
pub(crate) fn evaluate(root: &Path, file: &Path, schema: &[(&str, &str)]) -> Result<Evaluated, KclError> {
    evaluate_with(&Places::from_process(), root, file, schema)
}

/// The digest of the engine that would evaluate now: of the program, or of the library's native part.
pub(crate) fn engine_digest() -> Result<Digest, KclError> {
    Engine::find(&Places::from_process())?.digest()
}

fn evaluate_with(places: &Places, root: &Path, file: &Path, schema: &[(&str, &str)]) -> Result<Evaluated, KclError> {
    let sources = gather(root, file, schema)?;
    let engine = Engine::find(places)?;
    let stage = Stage::set_up(&sources, schema)?;
    let Answer { json, engine } = engine.evaluate(&stage)?;
    let files = sources.texts.into_iter().map(|(path, text)| (path, Digest::of(text.as_bytes()))).collect();
    Ok(Evaluated { json, engine, files })
}

#[cfg(test)]
mod tests;

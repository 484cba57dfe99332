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

use std::path::Path;

pub(crate) use fault::{Fault, FaultKind, KclError, Place};

use engine::{Engine, Places};
use gather::gather;
use stage::Stage;

/// What a `.k` file evaluated to.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// A JSON object of the top-level value `scenario` and, where there is one, `environment`.
    pub(crate) json: String,
    /// Name and version of the engine, as in `kcl-lib 0.13.2`.
    pub(crate) engine: String,
}

/// Evaluates `file`, a path inside of `root`.
///
/// `schema` holds the files of the package `karsc`, as (path below `karsc/`, text).
pub(crate) fn evaluate(root: &Path, file: &Path, schema: &[(&str, &str)]) -> Result<Evaluated, KclError> {
    evaluate_with(&Places::from_process(), root, file, schema)
}

fn evaluate_with(places: &Places, root: &Path, file: &Path, schema: &[(&str, &str)]) -> Result<Evaluated, KclError> {
    let sources = gather(root, file, schema)?;
    let engine = Engine::find(places)?;
    let stage = Stage::set_up(&sources, schema)?;
    engine.evaluate(&stage)
}

#[cfg(test)]
mod tests;

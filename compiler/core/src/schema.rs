//! What files may look like, made from the types that read them: JSON Schemas for editors, a KCL package, and answers about
//! single fields. Not here: reading files.

pub mod explain;
mod json;
mod kcl;
pub mod reference;

use serde_json::Value;

pub use json::{Described, all};
pub use kcl::package as kcl_package;

/// The generated files, by path below `schema/`.
pub fn files() -> Vec<(String, String)> {
    let schemas = all().into_iter().map(|described| (described.path(), described.text()));
    let package = kcl_package().into_iter().map(|(path, text)| (format!("kcl/{path}"), text));
    schemas.chain(package).collect()
}

/// The part of a schema that a reference inside it points at; the schema itself where there is none.
fn followed<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema["$ref"].as_str().and_then(definition_name).map_or(schema, |name| &root["$defs"][name])
}

fn definition_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/")
}

//! What files may look like, made from the types that read them: JSON Schemas for editors, a KCL package, and answers about
//! single fields. Not here: reading files.

pub mod explain;
mod json;
mod kcl;
pub mod reference;
mod walk;

pub use json::{Described, all};
pub use kcl::package as kcl_package;

/// The generated files, by path below `schema/`.
pub fn files() -> Vec<(String, String)> {
    let schemas = all().into_iter().map(|described| (described.path(), described.text()));
    let package = kcl_package().into_iter().map(|(path, text)| (format!("kcl/{path}"), text));
    schemas.chain(package).collect()
}

/// The name of the definition that a reference points at.
fn definition_name(reference: &str) -> Option<&str> {
    reference.strip_prefix("#/$defs/")
}

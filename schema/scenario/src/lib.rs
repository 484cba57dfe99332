//! What people write: scenarios, environments and catalogs, as types with places.
//!
//! One declaration per type gives its parser (`Decode`), its JSON Schema and its documentation. Not here: YAML, files,
//! what names refer to, and whether the whole makes sense (`karsc_core`).

pub mod agent;
pub mod artifact;
pub mod binding;
pub mod catalog;
pub mod codes;
mod contract;
pub mod credential;
pub mod decode;
pub mod diagnostic;
pub mod egress;
pub mod environment;
pub mod expectation;
pub mod link;
pub mod lock;
pub mod model;
pub mod name;
pub mod node;
pub mod plain;
pub mod pod;
pub mod policy_test;
pub mod quantity;
pub mod rule;
pub mod scenario;
pub mod span;
pub mod suggest;
mod text;

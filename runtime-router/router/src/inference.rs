//! Inference: one pipeline for every route that costs tokens. Identity comes from the document, never from a header.
//!
//! Not here: opening connections, and what the operator sees of it.

pub mod addressed;
pub mod answer;
pub mod api;
pub mod attempts;
pub mod breaker;
pub mod budget;
pub mod edit;
pub mod errors;
pub mod fields;
pub mod forward;
pub mod headers;
pub mod models;
pub mod observed;
pub mod provider;
pub mod question;
mod retries;
pub mod safety;
pub mod said;
pub mod sse;
pub mod toolbox;
pub mod translate;
pub mod upstream;
pub mod usage;
mod wire;

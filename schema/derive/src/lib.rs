//! `#[derive(Decode)]`.

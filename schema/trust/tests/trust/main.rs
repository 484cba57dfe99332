//! What `kars-trust` accepts and what it refuses, with which code: by tables, and by changing every byte.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod attestations;
mod changes;
mod freshness;
mod keys;
mod refusals;
mod sample;
mod tricks;

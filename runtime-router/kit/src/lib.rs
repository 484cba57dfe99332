//! What every live program of this project needs: settings, a verified document, listeners, probes, logs.
//!
//! Not here: what a document permits (`kars-contract`), who signed it (`kars-trust`), and what a program does with both.

pub mod accepted;
pub mod admin;
pub mod clock;
pub mod document;
pub mod files;
pub mod http;
pub mod log;
pub mod serve;
pub mod settings;
pub mod watch;

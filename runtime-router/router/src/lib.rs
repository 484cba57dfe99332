//! The router: one beside every agent, and the agent's only way out of its sandbox.
//!
//! A request's life: a listener takes it, [`gate`] decides it by the document, one connector carries it out. Not here: what a
//! document permits (`kars-contract`), who signed it (`kars-trust`), and anything that a scenario says (`karsc`).

pub mod api;
pub mod audit;
pub mod cli;
pub mod config;
pub mod connect;
pub mod credentials;
pub mod ctl;
pub mod dial;
pub mod dns;
pub mod echo;
pub mod gate;
#[cfg(target_os = "linux")]
pub mod guard;
mod held;
pub mod inference;
mod jitter;
pub mod learned;
pub mod mcp;
pub mod measures;
pub mod meter;
pub mod metrics;
pub mod operator;
pub mod pages;
mod patience;
pub mod platform;
pub mod policy;
pub mod process;
pub mod proxy;
pub mod refusal;
mod self_probe;
pub mod tokens;
pub mod tools;
pub mod trace;

//! The built binary, seen from outside: listeners, refusals, what it prints. Not here: what needs addresses, a resolver or hosts,
//! which `tests/router-net` has in a network namespace of its own.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod boot;
mod crowds;
mod ctl;
mod decisions;
mod echo;
mod egress;
mod process;
mod release;
mod reload;
mod signals;
mod support;

//! The compiler as a pure function: files in, a bundle out.
//!
//! Not here: disks, networks, clocks, keys and terminals. Files arrive through [`sources::Files`], the moment to judge by
//! as a value, and what was noticed leaves as data.

pub mod answer;
mod built_in;
pub mod bundle;
pub mod catalog;
pub mod check;
mod compile;
pub mod format;
pub mod graph;
pub mod hydrated;
mod inspect;
pub mod lock;
pub mod lower;
pub mod parse;
mod platform;
pub mod policy_tests;
pub mod render;
pub mod report;
pub mod resolve;
pub mod scaffold;
pub mod schema;
pub mod sources;
pub mod stage;
pub mod suggest;
pub mod summary;
pub mod why;

pub use compile::{Compilation, compile, compile_again, compile_with_tests};
pub use inspect::{Inspection, inspect};
pub use platform::platform;

//! The matcher: a router document compiled into lookups. Not here: the questions and answers, which are `permits`.

mod argument;
mod egress;
mod mesh;
mod policy;
mod tools;
mod unreachable;

pub(crate) use argument::is_plain_path;
pub use policy::Policy;
pub use tools::ToolPolicy;
pub use unreachable::{Unreachable, UnreachableBecause, unreachable_rules};

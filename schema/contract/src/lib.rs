//! What machines read: the documents, the only matcher, the guard's rules, and the names both sides must agree on.
//!
//! Not here: what people write (`kars-scenario`), signatures (`kars-trust`), and any input or output.
#![deny(missing_docs)]

mod text;

pub mod agent_api;
pub mod allowlist;
pub mod cidr;
pub mod decision_log;
pub mod digest;
pub mod document;
pub mod endpoint;
pub mod guard;
pub mod host;
pub mod host_pattern;
pub mod id;
pub mod instant;
mod matcher;
pub mod name;
pub mod origins;
pub mod permits;
pub mod relay;
pub mod router;
pub mod settings;
pub mod tool;
pub mod trust;

pub use allowlist::EgressAllowlist;
pub use cidr::Cidr;
pub use digest::Digest;
pub use document::Document;
pub use endpoint::Endpoint;
pub use host::Hostname;
pub use host_pattern::HostPattern;
pub use id::RuleId;
pub use instant::Instant;
pub use name::{Guid, ModelName, Name, Namespace, Port, SecretRef};
pub use origins::RouterOrigins;
pub use permits::{Decision, Policy, Reason, Request};
pub use relay::RelayDocument;
pub use router::RouterDocument;
pub use tool::{ToolId, ToolPattern};

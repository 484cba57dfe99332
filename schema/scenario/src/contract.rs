//! Reading types of the contract, which machines write and people do too. Not here: their syntax.

use kars_contract::cidr::Cidr;
use kars_contract::host_pattern::HostPattern;
use kars_contract::id::RuleId;
use kars_contract::instant::Instant;
use kars_contract::name::{ModelName, Name};
use kars_contract::router::{Dialect, Enforcer, PromptProtocol, Provider, Severity};
use kars_contract::tool::{ToolId, ToolPattern};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use crate::decode::{Decode, choice, parsed};
use crate::diagnostic::Found;
use crate::node::Node;

/// Types whose text is parsed by the contract.
macro_rules! texts {
    ($($name:ty: $what:literal),* $(,)?) => {$(
        impl Decode for $name {
            fn decode(node: &Node, found: &mut Found) -> Option<Self> {
                parsed(node, $what, found)
            }
        }
    )*};
}

/// Enums of the contract, with the words that its documents use.
macro_rules! words {
    ($($name:ty: $words:expr),* $(,)?) => {$(
        impl Decode for $name {
            fn decode(node: &Node, found: &mut Found) -> Option<Self> {
                let word = choice(node, &$words, found)?;
                let read = Self::deserialize(IntoDeserializer::<Error>::into_deserializer(word));
                Some(read.expect("the words are those of the contract"))
            }
        }
    )*};
}

texts! {
    Name: "a name",
    ModelName: "a deployment",
    Cidr: "a range of IP addresses",
    HostPattern: "a host that can be allowed",
    RuleId: "a rule id",
    Instant: "a moment",
    ToolId: "a tool",
    ToolPattern: "a tool or a set of tools",
}
words! {
    Dialect: ["responses", "chat-completions", "messages"],
    Enforcer: ["router", "runtime"],
    PromptProtocol: ["hermes-runs", "chat-completions"],
    Provider: ["azure-openai", "azure-foundry", "github-copilot", "github-models", "openai", "anthropic"],
    Severity: ["safe", "low", "medium", "high"],
}

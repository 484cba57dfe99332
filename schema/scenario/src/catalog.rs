//! Catalogs: runtimes, models, presets and tools as data files. The same types read the built-in ones and those of a
//! `catalog/` folder beside a scenario.

mod models;
mod preset;
mod runtime;
mod tools;

pub use models::{AccountScoped, AccountScopedHost, CredentialForm, KnownModel, ModelCatalog};
pub use preset::Preset;
pub use runtime::{
    Capabilities, ChannelNeeds, CodeUse, Dialect, File, PromptEndpoint, PromptProtocol, RuntimeDescriptor, Syntax,
    ToolUse,
};
pub use tools::{Argument, ArgumentType, Choices, Enforcer, NameSet, Tool, ToolCatalog};

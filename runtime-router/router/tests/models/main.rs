//! The built router between an agent, its models and its MCP servers. Not here: what one module decides by itself, which its own tests ask.

mod inference;
mod mcp;
mod observability;
mod provider;
mod support;
mod traces;

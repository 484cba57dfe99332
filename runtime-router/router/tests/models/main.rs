//! The built router between an agent, its models and its MCP servers. Not here: what one module decides by itself, which its own tests ask.

mod acceptance;
mod budgets;
mod hermes;
mod hostile;
mod inference;
mod mcp;
mod observability;
mod outage;
mod platform;
mod provider;
mod slow;
mod support;
mod texts;
mod tokens;
mod traces;
mod translation;

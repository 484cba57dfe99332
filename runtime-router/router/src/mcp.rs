//! The MCP gateway: the servers of an agent, each call decided and written down. Not here: opening connections.
//!
//! The agent speaks to one server by name, or to all of them as one. What it does not have is neither listed nor called, and a
//! tool whose description changes is set aside: a model follows descriptions as it follows orders.

pub mod catalog;
pub mod gateway;
pub mod message;
pub mod pins;
pub mod remote;
mod welcome;

//! The way out: every connection that the router opens for an agent is opened here, to a [`Destination`].
//!
//! A destination is resolved, all its addresses are vetted, and one of those is connected to. Not here: deciding, which the gate
//! does, and what is spoken over a connection.

pub mod authority;
mod connector;
mod destination;
mod endpoint;
pub mod exchange;
mod resolver;
mod special_use;
pub mod tls;
pub mod url;

pub use connector::Connector;
pub use destination::{Destination, Terms};
pub use endpoint::{Services, is_inside};
pub use resolver::{NoResolver, Resolver, Vetted};
pub use special_use::{is_private, is_special};

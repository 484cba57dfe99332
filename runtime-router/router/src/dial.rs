//! The seam between those who speak to services and the one who opens connections. Not here: opening one.

use std::future::Future;

use kars_contract::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::policy::Generation;
use crate::refusal::Refusal;

/// A connection to a service, encrypted where its endpoint says so.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection for T {}

/// Opens connections to the endpoints of a document: those of models and of MCP servers. Agents cannot choose one.
pub trait Dial: Send + Sync + 'static {
    /// Opens one, by what the generation says of its addresses.
    fn dial(
        &self,
        endpoint: &Endpoint,
        generation: &Generation,
    ) -> impl Future<Output = Result<Box<dyn Connection>, Refusal>> + Send;
}

//! An OCI registry, as one client that nobody at the other end can harm: every answer has a largest size and a longest time,
//! what is named by digest has that digest, and credentials stay with the host they are for. Not here: what is stored there.

mod address;
mod credentials;
mod fault;
mod http;
mod publish;
mod pull;
mod push;
mod signatures;
#[cfg(test)]
mod tests;
mod token;

use std::time::Duration;

pub(crate) use address::Address;
pub(crate) use fault::Fault;
use http::Http;
pub(crate) use publish::Publication;
pub(crate) use pull::{Content, manifest_of};
pub(crate) use signatures::{Signatures, Signed};

/// How large and how slow answers may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest manifest, in bytes.
    pub(crate) manifest: u64,
    /// The largest blob, in bytes.
    pub(crate) blob: u64,
    /// How long a peer may stay silent.
    pub(crate) idle: Duration,
    /// How long everything may take together.
    pub(crate) total: Duration,
    /// How long to wait before a second attempt; four times as long before each one after it.
    pub(crate) pause: Duration,
}

impl Limits {
    /// For reading.
    pub(crate) const PULL: Self = Self {
        manifest: 4 << 20,
        blob: crate::package::LARGEST_LAYER,
        idle: Duration::from_secs(30),
        total: Duration::from_mins(5),
        pause: Duration::from_millis(250),
    };
    /// For writing, which a slow line may draw out.
    pub(crate) const PUSH: Self = Self { total: Duration::from_mins(30), ..Self::PULL };
}

/// What is to be done in a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// Whether a registry may be spoken to without TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    /// Only on this machine.
    Secure,
    /// Anywhere, because the user says so.
    Plain,
}

/// One repository of a registry.
pub(crate) struct Registry {
    http: Http,
    runtime: tokio::runtime::Runtime,
}

impl Transport {
    /// As a flag says.
    pub(crate) fn of(plain_http: bool) -> Self {
        if plain_http { Self::Plain } else { Self::Secure }
    }
}

impl Registry {
    /// A client of the repository. Nothing is asked of it yet.
    pub(crate) fn open(address: &Address, access: Access, transport: Transport) -> Result<Self, Fault> {
        let limits = if access == Access::Pull { Limits::PULL } else { Limits::PUSH };
        Self::with_limits(address, access, transport, limits)
    }

    fn with_limits(address: &Address, access: Access, transport: Transport, limits: Limits) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Fault::Machine(error.to_string()))?;
        let http = {
            let _inside = runtime.enter();
            Http::new(address, access, transport, limits)?
        };
        Ok(Self { http, runtime })
    }
}

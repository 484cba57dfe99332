//! Where a connection may go. What an agent sends can become one kind of destination only, and only with the gate's permit.
//!
//! Not here: resolving and connecting.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kars_contract::cidr::Cidr;
use kars_contract::guard::IpFamily;
use kars_contract::host::Hostname;
use kars_contract::router::{InternalHost, RouterDocument};
use kars_contract::{Name, Port};

use crate::gate::{Passage, PermittedName};

/// Where a connection may go, and on which terms.
#[derive(Clone, Debug)]
pub struct Destination {
    pub(super) place: Place,
    pub(super) port: Port,
    pub(super) terms: Terms,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A public host: none of its addresses is special.
    Public(PermittedName),
    /// A host whose addresses lie where the document says.
    Infra(InternalHost, Within),
    /// A single address that the document names.
    Address(IpAddr),
}

/// Where the addresses of the router's own destinations lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Within {
    /// In this range.
    Range(Cidr),
    /// In the public internet.
    Public,
    /// There or in a private network: the name is one of the cluster, whose services have such addresses.
    Cluster,
}

/// How long things may take, and which addresses count.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until a name is resolved.
    pub dns: Duration,
    /// How many answers are looked at.
    pub answers: usize,
    /// Whether addresses of version 6 are used.
    pub v6: bool,
    /// Whether addresses of version 4 are used.
    pub v4: bool,
}

impl Terms {
    /// The terms of a document.
    #[must_use]
    pub fn of(document: &RouterDocument) -> Self {
        let families: &BTreeSet<IpFamily> = &document.guard.ip_families;
        Self {
            connect: Duration::from_secs(document.limits.connect_seconds),
            dns: Duration::from_secs(document.limits.dns_seconds),
            answers: usize::try_from(document.limits.dns_answers).unwrap_or(usize::MAX),
            v6: families.contains(&IpFamily::V6),
            v4: families.contains(&IpFamily::V4),
        }
    }
}

impl Destination {
    /// The public host that the gate let through.
    #[must_use]
    pub fn public(passage: &Passage) -> Self {
        let terms = Terms::of(passage.name().permit().generation().document());
        Self { place: Place::Public(passage.name().clone()), port: passage.port(), terms }
    }

    /// One of the router's own destinations; none where the document does not name it with this port.
    #[must_use]
    pub fn infra(document: &RouterDocument, name: &Name, port: Port) -> Option<Self> {
        let infra = document.infra.get(name).filter(|infra| infra.ports.contains(&port))?;
        let place = match (&infra.host, infra.cidr) {
            (Some(host), Some(range)) => Place::Infra(host.clone(), Within::Range(range)),
            (Some(host), None) => {
                let public = Hostname::parse(host.as_str()).is_ok();
                Place::Infra(host.clone(), if public { Within::Public } else { Within::Cluster })
            }
            (None, Some(range)) if range == Cidr::of_address(range.network()) => Place::Address(range.network()),
            // A range is no address that could be connected to.
            (None, Some(_) | None) => return None,
        };
        Some(Self { place, port, terms: Terms::of(document) })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Public(name) => write!(formatter, "{}:{}", name.host(), self.port),
            Place::Infra(host, _) => write!(formatter, "{host}:{}", self.port),
            Place::Address(address) => write!(formatter, "{}", SocketAddr::new(*address, self.port.get())),
        }
    }
}

#[cfg(test)]
mod tests {
    use kars_contract::document::Document;

    use super::*;

    #[test]
    fn only_what_the_document_names_is_the_routers_own() {
        let text = include_str!("../../../../tests/golden/maf/kind/documents/scribe.router.json");
        let mut document = RouterDocument::decode(text.as_bytes()).unwrap();
        let infra = |document: &RouterDocument, name: &str, port: u16| {
            Destination::infra(document, &Name::parse(name).unwrap(), Port::new(port).unwrap())
        };
        assert_eq!(infra(&document, "resolver", 53).unwrap().to_string(), "10.96.0.10:53");
        let relay = infra(&document, "relay", 8083).unwrap();
        assert!(matches!(relay.place, Place::Infra(_, Within::Cluster)), "{relay}");
        for (name, port) in [("resolver", 54), ("relay", 8082), ("unknown", 443)] {
            assert!(infra(&document, name, port).is_none(), "{name}:{port}");
        }
        let relay = document.infra.get_mut(&Name::parse("relay").unwrap()).unwrap();
        relay.host = Some("relay.example.org".parse().unwrap());
        assert!(matches!(infra(&document, "relay", 8083).unwrap().place, Place::Infra(_, Within::Public)));
        let resolver = document.infra.get_mut(&Name::parse("resolver").unwrap()).unwrap();
        resolver.cidr = Some("10.96.0.0/16".parse().unwrap());
        assert!(infra(&document, "resolver", 53).is_none(), "a range is no address");
    }
}

//! Connections to the services of a document: models and MCP servers. Not here: anything that an agent names.

use std::net::IpAddr;
use std::time::Duration;

use kars_contract::agent_api::ErrorCode;
use kars_contract::router::{InternalHost, RouterDocument, TokenIssuer};
use kars_contract::settings::HTTPS_PORT;
use kars_contract::{Endpoint, Hostname};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::destination::{Place, Within};
use super::tls::Tls;
use super::{Connector, Destination, Terms};
use crate::dial::{Connection, Dial};
use crate::policy::Generation;
use crate::refusal::Refusal;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The name of this machine, which no resolver is asked for.
const LOCALHOST: &str = "localhost";

/// Opens connections to services.
#[derive(Clone, Debug)]
pub struct Services {
    connector: Connector,
    tls: Tls,
}

impl Services {
    /// Opens them with these.
    #[must_use]
    pub fn new(connector: Connector, tls: Tls) -> Self {
        Self { connector, tls }
    }
}

/// Whether a service lies inside: at addresses that the document names, in the cluster, or on this machine.
#[must_use]
pub fn is_inside(document: &RouterDocument, endpoint: &Endpoint) -> bool {
    Destination::service(document, endpoint).is_ok_and(|destination| match destination.place {
        Place::Address(_) | Place::Infra(_, Within::Range(_) | Within::Cluster) => true,
        Place::Public(_) | Place::Infra(_, Within::Public) => false,
    })
}

impl Dial for Services {
    async fn dial(&self, endpoint: &Endpoint, generation: &Generation) -> Result<Box<dyn Connection>, Refusal> {
        let stream = self.connector.connect(&Destination::service(generation.document(), endpoint)?).await?;
        if !endpoint.scheme().is_tls() {
            return Ok(Box::new(stream));
        }
        self.shaken(endpoint.host(), stream).await
    }
}

impl Services {
    /// Opens a connection to who issues tokens, and names its authority. Where it has a name, it must prove it; the document
    /// knows addresses alone of the node, and in dev of a stand-in.
    pub async fn dial_issuer(
        &self,
        document: &RouterDocument,
        issuer: TokenIssuer,
    ) -> Result<(Box<dyn Connection>, String), Refusal> {
        let name = issuer.name();
        let infra = document.infra.get(&name);
        let port = infra.and_then(|infra| infra.ports.first().copied());
        let destination = port.and_then(|port| Destination::infra(document, &name, port));
        let destination = destination.ok_or_else(|| {
            Refusal::new(ErrorCode::UpstreamUnavailable, format!("`infra.{name}` of the document is nowhere"))
        })?;
        let stream = self.connector.connect(&destination).await?;
        match infra.and_then(|infra| infra.host.as_ref()) {
            None => Ok((Box::new(stream), destination.to_string())),
            Some(host) => {
                let usual = destination.port == HTTPS_PORT;
                let authority = if usual { host.to_string() } else { destination.to_string() };
                Ok((self.shaken(host.as_str(), stream).await?, authority))
            }
        }
    }

    async fn shaken(&self, host: &str, stream: TcpStream) -> Result<Box<dyn Connection>, Refusal> {
        let failed = |problem: &str| {
            Refusal::new(ErrorCode::EgressUnreachable, format!("`{host}` does not shake hands: {problem}"))
        };
        let name = Hostname::parse(host).map_err(|_| failed("it has no public name to prove"))?;
        let shaken =
            timeout(HANDSHAKE, self.tls.connect(&name, stream)).await.map_err(|_| failed("it takes too long"))?;
        Ok(Box::new(shaken.map_err(|error| failed(&error.to_string()))?))
    }
}

impl Destination {
    /// A service: a public host, at its private addresses where the document names them. A dev document may name a stand-in.
    pub(super) fn service(document: &RouterDocument, endpoint: &Endpoint) -> Result<Self, Refusal> {
        let (port, terms) = (endpoint.port(), Terms::of(document));
        if let Some(host) = endpoint.public_host() {
            let host = InternalHost::parse(host.as_str()).expect("a public name is a name");
            let private =
                document.infra.values().find(|infra| infra.host.as_ref() == Some(&host) && infra.ports.contains(&port));
            let within = private.and_then(|infra| infra.cidr).map_or(Within::Public, Within::Range);
            return Ok(Self { place: Place::Infra(host, within), port, terms });
        }
        let bare = endpoint.host().trim_start_matches('[').trim_end_matches(']');
        let place = match (bare.parse::<IpAddr>(), InternalHost::parse(bare)) {
            _ if !document.dev => None,
            (Ok(address), _) => Some(Place::Address(address)),
            (Err(_), Ok(host)) if host.as_str() == LOCALHOST => Some(Place::Address(IpAddr::from([127, 0, 0, 1]))),
            (Err(_), Ok(host)) => Some(Place::Infra(host, Within::Cluster)),
            (Err(_), Err(_)) => None,
        };
        let refused = || Refusal::new(ErrorCode::UpstreamUnavailable, format!("`{endpoint}` has no public name"));
        Ok(Self { place: place.ok_or_else(refused)?, port, terms })
    }
}

#[cfg(test)]
mod tests {
    use kars_contract::Name;
    use kars_contract::document::Document;
    use kars_contract::router::InfraDestination;

    use super::*;

    #[test]
    fn a_public_service_is_outside_unless_the_document_names_its_private_addresses() {
        let text = include_str!("../../../../tests/golden/maf/kind/documents/scribe.router.json");
        let mut document = RouterDocument::decode(text.as_bytes()).unwrap();
        assert!(document.dev);
        let inside = |document: &RouterDocument, url: &str| is_inside(document, &url.parse().unwrap());
        let public = "https://contoso.openai.azure.com";
        assert!(!inside(&document, public));
        for stand_in in ["http://127.0.0.1:8080", "http://localhost:8080", "http://mock.tests.svc.cluster.local"] {
            assert!(inside(&document, stand_in), "{stand_in}");
        }
        let private = InfraDestination {
            host: Some("contoso.openai.azure.com".parse().unwrap()),
            cidr: Some("10.1.0.0/24".parse().unwrap()),
            ports: [public.parse::<Endpoint>().unwrap().port()].into(),
        };
        document.infra.insert(Name::parse("private-0").unwrap(), private);
        assert!(inside(&document, public) && !inside(&document, "https://api.openai.com"));
        document.dev = false;
        assert!(!inside(&document, "http://127.0.0.1:8080"));
    }
}

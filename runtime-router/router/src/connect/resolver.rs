//! Names to addresses: one lookup for one decision, all answers looked at, and what was vetted is what is connected to.
//!
//! Not here: whether a name may be looked up at all; only the gate makes a [`PermittedName`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use kars_contract::agent_api::ErrorCode;
use kars_contract::host::Hostname;
use tokio::time::{Instant, timeout};

use super::destination::{Terms, Within};
use super::special_use::{is_private, is_special};
use crate::gate::PermittedName;
use crate::refusal::Refusal;

/// The longest that an answer is used again, whatever it says of itself.
const LONGEST: Duration = Duration::from_mins(5);
/// Names whose answers are kept.
const KEPT: usize = 1024;

/// Where the system names its resolvers.
const SYSTEM: &str = "/etc/resolv.conf";

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum NoResolver {
    /// The system's file cannot be read.
    #[error("`{SYSTEM}` cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The system's file is malformed.
    #[error("`{SYSTEM}` is malformed: {0}")]
    Malformed(#[from] resolv_conf::ParseError),
    /// The system's file names none.
    #[error("`{SYSTEM}` names none")]
    Unnamed,
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] NetError),
}

/// Looks names up.
pub struct Resolver {
    client: TokioResolver,
    kept: Mutex<HashMap<Hostname, Vetted>>,
}

/// The addresses of a name, none of which is forbidden.
#[derive(Clone, Debug)]
pub struct Vetted {
    /// The addresses; none where the name has none.
    pub addresses: Vec<IpAddr>,
    /// Until when they may be used.
    pub until: Instant,
}

impl Resolver {
    /// Asks this resolver, or those that the system names.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, NoResolver> {
        let servers = match server {
            Some(address) => vec![at(address)],
            None => of_system()?,
        };
        if servers.is_empty() {
            return Err(NoResolver::Unnamed);
        }
        // No search domain: a name means itself.
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        options(builder.options_mut());
        Ok(Self { client: builder.build()?, kept: Mutex::default() })
    }

    /// The addresses of a host that the agent may reach.
    pub async fn public(&self, name: &PermittedName) -> Result<Vetted, Refusal> {
        let (host, terms) = (name.host(), Terms::of(name.permit().generation().document()));
        if let Some(mut vetted) = self.kept(host) {
            // Another document may have taken a family away since.
            vetted.addresses.retain(|address| if address.is_ipv4() { terms.v4 } else { terms.v6 });
            return Ok(vetted);
        }
        let vetted = self.vetted(host.as_str(), Within::Public, &terms).await?;
        self.keep(host, &vetted);
        Ok(vetted)
    }

    /// The addresses of one of the router's own destinations.
    pub(super) async fn infra(&self, host: &str, within: Within, terms: &Terms) -> Result<Vetted, Refusal> {
        self.vetted(host, within, terms).await
    }

    async fn vetted(&self, host: &str, within: Within, terms: &Terms) -> Result<Vetted, Refusal> {
        let Ok(found) = timeout(terms.dns, self.lookup(host, terms)).await else {
            return Err(unresolved(host, "the resolver takes too long"));
        };
        let vetted = found?;
        if vetted.addresses.len() > terms.answers {
            return Err(unresolved(host, "it has too many addresses"));
        }
        // One forbidden address condemns the name: whoever answers so wants to reach it some time.
        match vetted.addresses.iter().find(|address| !within.allows(**address)) {
            Some(address) => Err(Refusal::new(
                ErrorCode::EgressSpecialUse,
                format!("`{host}` leads to `{address}`, which may not be reached by this name"),
            )),
            None => Ok(vetted),
        }
    }

    async fn lookup(&self, host: &str, terms: &Terms) -> Result<Vetted, Refusal> {
        // The final dot keeps the name from being completed.
        let name = format!("{host}.");
        let v4 = async { if terms.v4 { Some(self.client.lookup(name.as_str(), RecordType::A).await) } else { None } };
        let v6 =
            async { if terms.v6 { Some(self.client.lookup(name.as_str(), RecordType::AAAA).await) } else { None } };
        let (v4, v6) = tokio::join!(v4, v6);
        let mut vetted = Vetted { addresses: Vec::new(), until: Instant::now() + LONGEST };
        for answer in [v6, v4].into_iter().flatten() {
            match answer {
                Ok(lookup) => {
                    let ends = Instant::from_std(lookup.valid_until());
                    vetted.until = vetted.until.min(ends);
                    vetted.addresses.extend(lookup.answers().iter().filter_map(|record| match &record.data {
                        RData::A(address) => Some(IpAddr::V4(Ipv4Addr::from(*address))),
                        RData::AAAA(address) => Some(IpAddr::V6(Ipv6Addr::from(*address))),
                        _ => None,
                    }));
                }
                Err(error) if error.is_no_records_found() => (),
                Err(error) => return Err(unresolved(host, &error.to_string())),
            }
        }
        Ok(vetted)
    }

    fn kept(&self, host: &Hostname) -> Option<Vetted> {
        let now = Instant::now();
        self.answers().get(host).filter(|vetted| now < vetted.until).cloned()
    }

    fn keep(&self, host: &Hostname, vetted: &Vetted) {
        let now = Instant::now();
        // That a name has no address may have ended by the next question.
        if vetted.addresses.is_empty() || vetted.until <= now {
            return;
        }
        let mut answers = self.answers();
        if answers.len() >= KEPT {
            answers.retain(|_, vetted| now < vetted.until);
        }
        if answers.len() < KEPT {
            answers.insert(host.clone(), vetted.clone());
        }
    }

    /// Every entry stays valid when a holder of the lock has panicked.
    fn answers(&self) -> MutexGuard<'_, HashMap<Hostname, Vetted>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Within {
    fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Range(range) => range.contains(address),
            Self::Public => !is_special(address) && !is_own(address),
            Self::Cluster => (!is_special(address) || is_private(address)) && !is_own(address),
        }
    }
}

/// Whether this machine has the address: the system would send from it to itself. Nothing is sent to find out.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

/// The resolvers that the system names; what else its file says is not for names that mean themselves.
fn of_system() -> Result<Vec<NameServerConfig>, NoResolver> {
    let config = resolv_conf::Config::parse(std::fs::read(SYSTEM)?)?;
    let port = kars_contract::settings::RESOLVER_PORT.get();
    Ok(config.nameservers.iter().map(|server| at(SocketAddr::new(server.into(), port))).collect())
}

fn at(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

fn options(options: &mut ResolverOpts) {
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    // The same question to two servers at once would be two lookups for one decision.
    options.num_concurrent_reqs = 1;
    options.timeout = Duration::from_secs(2);
    options.attempts = 2;
    options.edns0 = true;
}

fn unresolved(host: &str, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::EgressUnresolved, format!("`{host}` is not resolved: {problem}"))
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_knows_its_own_addresses() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn a_place_of_the_cluster_is_no_place_of_the_node() {
        for (address, public, cluster) in [
            ("8.8.8.8", true, true),
            ("10.96.0.1", false, true),
            ("169.254.169.254", false, false),
            ("127.0.0.1", false, false),
            ("168.63.129.16", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Within::Public.allows(address), public, "{address}");
            assert_eq!(Within::Cluster.allows(address), cluster, "{address}");
        }
        let range = Within::Range("10.20.0.0/24".parse().unwrap());
        assert!(range.allows("10.20.0.7".parse().unwrap()));
        assert!(!range.allows("8.8.8.8".parse().unwrap()));
    }
}

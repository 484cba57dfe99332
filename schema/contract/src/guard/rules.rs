//! The guard's list: what is not on it is dropped. Not here: the syntax of `nft` (`render`).
//!
//! Inbound packets are not filtered; network policies do that. Addresses are translated before the list is read, so a
//! redirected packet is seen with its new destination, though still with its old interface.

use std::collections::BTreeSet;

use crate::guard::{GuardParams, IpFamily};
use crate::name::Port;
use crate::settings::{HTTP_PORT, HTTPS_PORT, RESOLVER_PORT};

/// Which packets leave a pod. In both lists the first entry that matches decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ruleset {
    /// New connections that are sent elsewhere on loopback.
    pub redirects: Vec<Redirect>,
    /// Packets that pass; all others are dropped.
    pub passes: Vec<Pass>,
}

/// New connections that are sent to a listener of the router.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirect {
    /// Why, for whoever reviews the list.
    pub why: &'static str,
    /// All of these must hold.
    pub matches: Vec<Match>,
    /// The router's port.
    pub to: Port,
}

/// Packets that pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pass {
    /// Why, for whoever reviews the list.
    pub why: &'static str,
    /// All of these must hold.
    pub matches: Vec<Match>,
}

/// A property of a packet on its way out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// It answers a connection or request that came from the other side.
    Reply,
    /// It belongs to a TCP connection that was let through when it opened, and does not open one.
    OpenedTcp,
    /// The kernel reports an error of a connection that was let through.
    RelatedError,
    /// The kernel looks for its neighbours over IPv6.
    NeighbourDiscovery,
    /// The process that sends it runs as this user.
    User(u32),
    /// It is of this version of IP.
    Family(IpFamily),
    /// It leaves over the loopback interface.
    OverLoopback,
    /// It goes to 127.0.0.1.
    ToLoopback,
    /// It is IPv4 and goes outside 127.0.0.0/8.
    NotToLoopback,
    /// It goes to one of these TCP ports.
    Tcp(BTreeSet<Port>),
    /// It goes to one of these UDP ports.
    Udp(BTreeSet<Port>),
}

/// The list for one pod.
#[must_use]
pub fn rules(params: &GuardParams) -> Ruleset {
    Ruleset { redirects: redirects(params), passes: [kernel(params), router(params), agent(params)].concat() }
}

fn redirects(params: &GuardParams) -> Vec<Redirect> {
    let agent = Match::User(params.agent_uid);
    let four = Match::Family(IpFamily::V4);
    vec![
        Redirect {
            why: "the agent's names are resolved by the router, whichever resolver it asks",
            matches: vec![agent.clone(), four.clone(), Match::Udp([RESOLVER_PORT].into())],
            to: params.dns,
        },
        Redirect {
            why: "the same over tcp",
            matches: vec![agent.clone(), four, Match::Tcp([RESOLVER_PORT].into())],
            to: params.dns,
        },
        Redirect {
            why: "programs that know no proxy reach it all the same",
            matches: vec![agent, Match::NotToLoopback, Match::Tcp([HTTP_PORT, HTTPS_PORT].into())],
            to: params.proxy,
        },
    ]
}

/// Packets that no user owns: the kernel sends them, or their process has closed the socket already.
fn kernel(params: &GuardParams) -> Vec<Pass> {
    let mut passes = vec![
        Pass { why: "answers to what came from outside or over loopback", matches: vec![Match::Reply] },
        // Only for TCP: a datagram of the agent could otherwise pass as part of a request the router made before.
        Pass { why: "the rest of what was let through when it opened", matches: vec![Match::OpenedTcp] },
        Pass { why: "errors of what was let through", matches: vec![Match::RelatedError] },
    ];
    if params.ip_families.contains(&IpFamily::V6) {
        passes.push(Pass { why: "ipv6 does not work without", matches: vec![Match::NeighbourDiscovery] });
    }
    passes
}

fn router(params: &GuardParams) -> Vec<Pass> {
    let router = Match::User(params.router_uid);
    let mut passes =
        vec![Pass { why: "the router within the pod", matches: vec![router.clone(), Match::OverLoopback] }];
    for family in &params.ip_families {
        passes.push(Pass {
            why: "the router decides for itself where it connects to",
            matches: vec![router.clone(), Match::Family(*family)],
        });
    }
    passes
}

fn agent(params: &GuardParams) -> Vec<Pass> {
    let GuardParams { agent_uid, router_uid: _, api, proxy, dns, admin, loopback_ports, ip_families: _ } = params;
    let mut tcp = BTreeSet::from([*api, *proxy, *dns]);
    tcp.extend(loopback_ports);
    tcp.remove(admin);
    let to_loopback = [Match::User(*agent_uid), Match::ToLoopback];
    vec![
        Pass {
            why: "the agent reaches the router and its own processes; redirected connections arrive here too",
            matches: [to_loopback.as_slice(), &[Match::Tcp(tcp)]].concat(),
        },
        Pass {
            why: "the agent reaches the router's resolver",
            matches: [to_loopback.as_slice(), &[Match::Udp([*dns].into())]].concat(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    #[test]
    fn the_agent_never_gets_the_admin_port_or_a_family() {
        let params = GuardParams {
            loopback_ports: BTreeSet::from([port(9090), port(18789)]),
            ip_families: BTreeSet::from([IpFamily::V4, IpFamily::V6]),
            ..GuardParams::default()
        };
        let passes = rules(&params).passes;
        let of_agent: Vec<&Pass> = passes.iter().filter(|pass| pass.matches.contains(&Match::User(1000))).collect();
        assert_eq!(of_agent.len(), 2);
        assert!(of_agent.iter().all(|pass| pass.matches.contains(&Match::ToLoopback)));
        let ports = BTreeSet::from([8443, 8444, 8453, 18789].map(port));
        assert!(of_agent.iter().any(|pass| pass.matches.contains(&Match::Tcp(ports.clone()))));
    }

    #[test]
    fn every_redirected_connection_passes_afterwards() {
        let Ruleset { redirects, passes } = rules(&GuardParams::default());
        for redirect in redirects {
            let datagrams = redirect.matches.iter().any(|found| matches!(found, Match::Udp(_)));
            let arrives = |found: &Match| match found {
                Match::User(user) => *user == 1000,
                Match::ToLoopback => true,
                Match::Udp(ports) => datagrams && ports.contains(&redirect.to),
                Match::Tcp(ports) => !datagrams && ports.contains(&redirect.to),
                _ => false,
            };
            let passes_after = passes.iter().any(|pass| pass.matches.iter().all(arrives));
            assert!(passes_after, "{}", redirect.why);
        }
    }
}

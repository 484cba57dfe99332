//! The guard's list as a script for `nft -f`. It replaces its own table in one transaction, so it may run again.
//!
//! Not here: what is on the list (`rules`).

use std::collections::BTreeSet;

use crate::guard::{IpFamily, Match, Pass, Redirect, Ruleset};
use crate::name::Port;

/// The table, of both versions of IP.
const TABLE: &str = "inet kars_guard";

/// The script. Declaring the table first makes deleting it work on the first run as on every other.
#[must_use]
pub fn render_nft(rules: &Ruleset) -> String {
    let Ruleset { redirects, passes } = rules;
    let redirects: String = redirects.iter().map(redirect_line).collect();
    let passes: String = passes.iter().map(pass_line).collect();
    format!(
        "table {TABLE}\n\
         delete table {TABLE}\n\
         table {TABLE} {{\n\
         \x20 chain to_router {{\n\
         \x20   type nat hook output priority -100; policy accept;\n\
         {redirects}\
         \x20 }}\n\
         \x20 chain out {{\n\
         \x20   type filter hook output priority 0; policy drop;\n\
         {passes}\
         \x20 }}\n\
         }}\n"
    )
}

fn redirect_line(redirect: &Redirect) -> String {
    let Redirect { why, matches, to } = redirect;
    format!("    {} counter redirect to :{to} comment \"{why}\"\n", joined(matches))
}

fn pass_line(pass: &Pass) -> String {
    let Pass { why, matches } = pass;
    format!("    {} counter accept comment \"{why}\"\n", joined(matches))
}

fn joined(matches: &[Match]) -> String {
    let terms: Vec<String> = matches.iter().map(term).collect();
    terms.join(" ")
}

fn term(found: &Match) -> String {
    match found {
        Match::Reply => "ct state established ct direction reply".to_owned(),
        Match::OpenedTcp => "ct state established tcp flags & (syn | ack) != syn".to_owned(),
        Match::RelatedError => "ct state related meta l4proto { icmp, icmpv6 }".to_owned(),
        Match::NeighbourDiscovery => {
            "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }".to_owned()
        }
        Match::User(user) => format!("meta skuid {user}"),
        Match::Family(IpFamily::V4) => "meta nfproto ipv4".to_owned(),
        Match::Family(IpFamily::V6) => "meta nfproto ipv6".to_owned(),
        Match::OverLoopback => "oifname \"lo\"".to_owned(),
        Match::ToLoopback => "ip daddr 127.0.0.1".to_owned(),
        Match::NotToLoopback => "ip daddr != 127.0.0.0/8".to_owned(),
        Match::Tcp(ports) => format!("tcp dport {{ {} }}", listed(ports)),
        Match::Udp(ports) => format!("udp dport {{ {} }}", listed(ports)),
    }
}

fn listed(ports: &BTreeSet<Port>) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::{GuardParams, rules};

    #[test]
    fn the_script_of_the_default_parameters() {
        let expected = include_str!("default.nft");
        assert_eq!(render_nft(&rules(&GuardParams::default())), expected);
    }
}

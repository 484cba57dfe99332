//! Prints the guard's script for the default parameters; `--dual-stack` adds IPv6, `--loopback-port N` a port.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use kars_contract::guard::{GuardParams, IpFamily, render_nft, rules};

fn main() -> io::Result<()> {
    let mut params = GuardParams::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let port = if argument == "--loopback-port" { arguments.next() } else { None };
        match (argument.as_str(), port.and_then(|port| port.parse().ok())) {
            ("--dual-stack", _) => params.ip_families = BTreeSet::from([IpFamily::V4, IpFamily::V6]),
            ("--loopback-port", Some(port)) => {
                params.loopback_ports.insert(port);
            }
            _ => return Err(io::Error::other(format!("unknown argument `{argument}`"))),
        }
    }
    io::stdout().write_all(render_nft(&rules(&params)).as_bytes())
}

//! The guard: which packets may leave a pod, as one list to review. Not here: loading it, which `kars-router guard` does.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Port;
use crate::settings;

mod render;
mod rules;

pub use render::render_nft;
pub use rules::{Match, Pass, Redirect, Ruleset, rules};

/// What the guard's list depends on.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GuardParams {
    /// The user of the agent container.
    pub agent_uid: u32,
    /// The user of the router container.
    pub router_uid: u32,
    /// The port of the agent API.
    pub api: Port,
    /// The port of the egress proxy.
    pub proxy: Port,
    /// The port of the DNS responder.
    pub dns: Port,
    /// The port of probes and metrics, which the agent never reaches.
    pub admin: Port,
    /// TCP ports on 127.0.0.1 over which the agent's own processes talk to each other.
    pub loopback_ports: BTreeSet<Port>,
    /// The families that the router may use outside; the agent itself has IPv4 on loopback only.
    pub ip_families: BTreeSet<IpFamily>,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum IpFamily {
    /// Version 4.
    #[serde(rename = "IPv4")]
    V4,
    /// Version 6.
    #[serde(rename = "IPv6")]
    V6,
}

impl Default for GuardParams {
    /// The users and ports of `settings`, IPv4 alone, no port of the runtime's own.
    fn default() -> Self {
        Self {
            agent_uid: settings::AGENT_UID,
            router_uid: settings::ROUTER_UID,
            api: settings::API_PORT,
            proxy: settings::PROXY_PORT,
            dns: settings::DNS_PORT,
            admin: settings::ADMIN_PORT,
            loopback_ports: BTreeSet::new(),
            ip_families: BTreeSet::from([IpFamily::V4]),
        }
    }
}

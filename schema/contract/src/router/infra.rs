//! What the router itself connects to. Not here: anything that an agent can choose.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cidr::Cidr;
use crate::host::{InvalidHostname, dns_name};
use crate::name::Port;
use crate::text::text_newtype;

/// A destination of the router's own: relay, registry, resolver, token endpoint, private endpoint, telemetry.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InfraDestination {
    /// The name to resolve; absent when only addresses are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<InternalHost>,
    /// Where its addresses must lie. Absent, they must be public, or private for a name of the cluster itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<Cidr>,
    /// Its ports.
    pub ports: BTreeSet<Port>,
}

/// Any DNS name in canonical form, names of the cluster included. Never made from what an agent sends.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct InternalHost(String);

text_newtype!(InternalHost, InvalidHostname);

impl InternalHost {
    /// Normalises a name.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        dns_name(text).map(Self)
    }
}

//! Hosts that an agent may reach.

use kars_contract::host_pattern::HostPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::Decode;
use crate::diagnostic::Found;
use crate::name::Name;
use crate::node::Node;
use crate::quantity::Moment;
use crate::span::Spanned;

/// Hosts to allow: one pattern, or a reviewed set by name.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum EgressEntry {
    Host(EgressHost),
    Preset(EgressPreset),
}

/// One host, or all hosts under a name.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressHost {
    /// The host: `api.example.com`, `*.example.com` for one label more, `**.example.com` for any depth. No address, no local name.
    pub host: Spanned<HostPattern>,
    /// The TCP ports.
    #[serde(default)]
    #[schemars(inner(range(min = 1)), extend("default" = [443]))]
    pub ports: Option<Vec<Spanned<u16>>>,
    /// The router refuses the host from then on, by its own clock: `2099-01-31T00:00:00Z`.
    #[serde(default)]
    pub until: Option<Spanned<Moment>>,
    /// Why the agent needs it, for reviewers.
    #[schemars(extend("pattern" = "\\S"))]
    pub reason: Spanned<String>,
    /// The ticket in which it was agreed: `SEC-42`.
    #[serde(default)]
    pub ticket: Option<Spanned<String>>,
    /// What flows over it. Without this line a host is both `untrusted-input` and `way-out`.
    #[serde(default)]
    pub labels: Option<Vec<Spanned<FlowLabel>>>,
}

/// A reviewed set of hosts.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressPreset {
    /// The name of a preset of the catalogs: `pypi`.
    pub preset: Spanned<Name>,
    /// The router refuses its hosts from then on.
    #[serde(default)]
    pub until: Option<Spanned<Moment>>,
}

/// What flows over a host or through a tool.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowLabel {
    /// Text that strangers can write.
    UntrustedInput,
    /// Data that must not leave.
    PrivateData,
    /// A way for data to leave.
    WayOut,
}

impl Decode for EgressEntry {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        if node.get("preset").is_some() {
            return EgressPreset::decode(node, found).map(Self::Preset);
        }
        EgressHost::decode(node, found).map(Self::Host)
    }
}

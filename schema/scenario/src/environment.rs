//! Environments: the facts of one target. Not here: how a local file overlays a built-in one (`karsc_core::parse`).

mod delivery;

use std::collections::BTreeMap;

use kars_contract::host_pattern::HostPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::agent::Labels;
use crate::decode::Decode;
use crate::name::Name;
use crate::scenario::{ApiVersion, Host};
use crate::span::Spanned;
pub use delivery::{Delivery, Engine, Verify};

/// The kind of an environment file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum EnvironmentKind {
    Environment,
}

/// Facts of one target: cluster, images, secret store, delivery engine. A change here counts as a change of reach.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `Environment`.
    pub kind: EnvironmentKind,
    /// The environment's name and what it is for.
    pub metadata: EnvironmentMetadata,
    /// A built-in environment to start from: `kind` or `aks`.
    #[serde(default)]
    pub base: Option<Spanned<Name>>,
    /// `prod` refuses learn mode, image tags, missing budgets, anonymous mesh and dev-only relaxations.
    #[serde(default)]
    pub profile: Option<Spanned<Profile>>,
    /// Facts of the cluster: version, name, DNS and service addresses.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    /// Container images, by digest for `prod`.
    #[serde(default)]
    pub images: Option<Images>,
    /// The volume that keeps the routers' state: budgets, audit head, accepted serial.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// What the isolation levels mean here. A level that is absent is an error for agents that ask for it.
    #[serde(default)]
    pub isolation: Option<IsolationLevels>,
    /// Who forces the agents' traffic through the router.
    #[serde(default)]
    pub guard: Option<Spanned<GuardMode>>,
    /// Hosts that answer on private addresses.
    #[serde(default)]
    pub private_endpoints: Vec<Spanned<PrivateEndpoint>>,
    /// How agents' names are bound to keys.
    #[serde(default)]
    pub mesh: Option<MeshSettings>,
    /// Where secrets come from, and which hosts each may be sent to.
    #[serde(default)]
    pub secrets: Option<Secrets>,
    /// Who collects metrics and traces.
    #[serde(default)]
    pub observability: Option<Observability>,
    /// How bundles reach the cluster.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// Whose signatures routers trust.
    #[serde(default)]
    pub trust: Option<Trust>,
    /// Changes to rendered objects, made before posture and reach are checked.
    #[serde(default)]
    pub patches: Vec<Spanned<Patch>>,
}

/// What an environment is called.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentMetadata {
    /// The environment's name: `production`.
    pub name: Spanned<Name>,
    /// One sentence for reviewers.
    #[serde(default)]
    pub description: Option<Spanned<String>>,
}

/// How much an environment puts up with.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For trying out. What it relaxes is marked, and refused by a production platform.
    Dev,
    /// For production: images by digest, budgets, bound identities.
    Prod,
}

/// Facts of the cluster.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// The Kubernetes minor version, quoted: `"1.34"`.
    #[serde(default)]
    pub version: Option<Spanned<String>>,
    /// The cluster's name, part of what is signed: `prod-eu-1`.
    #[serde(default)]
    pub name: Option<Spanned<Name>>,
    /// The address of the cluster's DNS service: `10.96.0.10`.
    #[serde(default)]
    pub dns: Option<Spanned<IpAddress>>,
    /// The range of service addresses: `10.0.0.0/16`.
    #[serde(default)]
    pub service_cidr: Option<Spanned<Cidr>>,
    /// The address families of pods: `[IPv4]`.
    #[serde(default)]
    pub ip_families: Option<Vec<Spanned<IpFamily>>>,
}

/// An address family.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum IpFamily {
    #[serde(rename = "IPv4")]
    V4,
    #[serde(rename = "IPv6")]
    V6,
}

crate::text::text_type! {
    /// An IP address.
    IpAddress, "an IP address", 45, "^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}|[0-9a-f.]*:[0-9a-f:.]*)$",
    |text| text.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_string() == text),
    "write the address in its shortest form: `10.0.0.10`"
}
/// A range of IP addresses.
pub use kars_contract::cidr::Cidr;

/// Container images.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Images {
    /// The router's image, which is also guard and echo runtime: `ghcr.io/acme/router@sha256:…`.
    #[serde(default)]
    pub router: Option<Spanned<String>>,
    /// The relay's image.
    #[serde(default)]
    pub relay: Option<Spanned<String>>,
    /// Images of runtimes, by the image name of their descriptor: `{ hermes: ghcr.io/acme/hermes:0.15.2 }`. `python` serves all
    /// Python kinds.
    #[serde(default)]
    pub runtimes: BTreeMap<String, Spanned<String>>,
}

/// The router's state volume.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Storage {
    /// The storage class: `managed-csi`.
    pub class: Spanned<String>,
}

/// What the isolation levels mean here.
#[derive(Clone, Debug, Decode, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IsolationLevels {
    /// What `enhanced` means: a stricter system call filter.
    #[serde(default)]
    pub enhanced: Option<Enhanced>,
    /// What `confidential` means: a virtual machine.
    #[serde(default)]
    pub confidential: Option<Confidential>,
}

/// The stricter system call filter.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Enhanced {
    /// The profile's path under the kubelet's seccomp folder, such as `profiles/strict.json`, or `RuntimeDefault`.
    pub seccomp: Spanned<String>,
}

/// The virtual machine.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confidential {
    /// The name of the `RuntimeClass`: `kata-vm-isolation`.
    pub runtime_class: Spanned<String>,
    /// Labels of the nodes that offer it.
    #[serde(default)]
    pub node_selector: Labels,
}

/// Who forces the agents' traffic through the router.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardMode {
    /// An init container of the pod.
    Init,
    /// A network plugin or a node agent; namespaces are then `restricted`.
    External,
}

/// A host that answers on private addresses.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrivateEndpoint {
    /// The host, as agents and models name it.
    pub host: Host,
    /// Its addresses: `10.20.0.0/24`. The router connects nowhere else for it.
    pub cidr: Spanned<Cidr>,
}

/// The mesh.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshSettings {
    /// What binds an agent's name to its key.
    pub identity: Spanned<MeshIdentity>,
}

/// What binds an agent's name to its key.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeshIdentity {
    /// Nothing. For `dev` only.
    Anonymous,
    /// The service-account token of the agent's namespace.
    Workload,
    /// Public keys in the lock.
    Pinned,
}

/// Where secrets come from, and which hosts each may be sent to.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secrets {
    /// Who puts them into the cluster.
    #[serde(default)]
    pub from: Option<Spanned<SecretSource>>,
    /// The name of the `ClusterSecretStore` of External Secrets: `key-vault`.
    #[serde(default)]
    pub store: Option<Spanned<Name>>,
    /// Hosts by Secret, `{ model-credentials: ["*.openai.azure.com"] }`: the router sends a secret nowhere else. `prod` wants an
    /// entry for every Secret.
    #[serde(default)]
    pub bind: BTreeMap<String, Vec<Spanned<HostPattern>>>,
}

/// Who puts secrets into the cluster.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    /// They are there already.
    Existing,
    /// External Secrets Operator.
    ExternalSecrets,
    /// Files encrypted with SOPS, beside the scenario.
    Sops,
}

/// Who watches.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observability {
    /// The namespace that Prometheus scrapes from: `monitoring`.
    #[serde(default)]
    pub prometheus: Option<Spanned<Name>>,
    /// The OpenTelemetry collector that routers send traces to, by OTLP over HTTP, as `service.namespace:port`: `otel-collector.observability:4318`.
    #[serde(default)]
    pub otlp: Option<Spanned<String>>,
}

/// Whose signatures routers trust.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trust {
    /// How many distinct keys must have signed.
    pub threshold: Spanned<u8>,
    /// Public keys, files of the scenario's folder: `[keys/release.pub]`.
    pub keys: Vec<Spanned<String>>,
    /// The lowest serial that routers accept; what is older is refused.
    #[serde(default)]
    pub min_serial: Option<Spanned<u64>>,
}

/// A change to rendered objects.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// Which objects.
    pub target: Target,
    /// A JSON merge patch (RFC 7396): `{ metadata: { annotations: { team: brief } } }`. Posture and reach are checked after it.
    pub patch: serde_json::Value,
}

/// Which objects a patch changes.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The kind of object: `StatefulSet`.
    pub kind: Spanned<String>,
    /// The object's name; every one where it is left out.
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    /// The agent it belongs to; every one where it is left out.
    #[serde(default)]
    pub agent: Option<Spanned<Name>>,
}

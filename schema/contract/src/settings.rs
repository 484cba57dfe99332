//! Names and places that two programs must agree on: settings, ports, users, folders, labels.
//!
//! Not here: policy, which never travels by environment, and reading settings, which only `kars-kit` does.

use crate::name::Port;

/// A port known to be none of zero.
const fn port(number: u16) -> Port {
    Port::new(number).expect("the ports of this file are not zero")
}

// Settings of the router.

/// Path of the router's document.
pub const DOCUMENT: &str = "KARS_DOCUMENT";
/// Folder of the trust file and of the document's signature.
pub const TRUST: &str = "KARS_TRUST";
/// Path of the origins file; optional.
pub const ORIGINS: &str = "KARS_ORIGINS";
/// Folder that outlives the process: budgets, audit head, accepted serial; the operator's socket lies in it.
pub const STATE_DIR: &str = "KARS_STATE_DIR";
/// Folder with one file for every `secret/key`.
pub const CREDENTIALS: &str = "KARS_CREDENTIALS";
/// File of the service-account token that is exchanged for a provider's token; the kubelet renews it.
pub const IDENTITY_TOKEN: &str = "KARS_IDENTITY_TOKEN";
/// `IP:PORT` of the agent API.
pub const LISTEN_API: &str = "KARS_LISTEN_API";
/// `IP:PORT` of the egress proxy.
pub const LISTEN_PROXY: &str = "KARS_LISTEN_PROXY";
/// `IP:PORT` of the DNS responder.
pub const LISTEN_DNS: &str = "KARS_LISTEN_DNS";
/// `IP:PORT` of probes and metrics.
pub const LISTEN_ADMIN: &str = "KARS_LISTEN_ADMIN";
/// `IP:PORT` of the resolver that the router asks.
pub const RESOLVER: &str = "KARS_RESOLVER";
/// Namespace of the pod, from the downward API.
pub const POD_NAMESPACE: &str = "KARS_POD_NAMESPACE";
/// Name of the pod, from the downward API.
pub const POD_NAME: &str = "KARS_POD_NAME";
/// Log filter, such as `info`.
pub const LOG: &str = "KARS_LOG";
/// File of certificate authorities in PEM, in place of those that the router brings; the name that OpenSSL reads, too.
pub const CERTIFICATES: &str = "SSL_CERT_FILE";

// Settings of the relay, beside DOCUMENT, TRUST, STATE_DIR, POD_*, LOG and LISTEN_ADMIN.

/// `IP:PORT` of the relay's WebSocket.
pub const LISTEN_RELAY: &str = "KARS_LISTEN_RELAY";
/// `IP:PORT` of the registry.
pub const LISTEN_REGISTRY: &str = "KARS_LISTEN_REGISTRY";
/// URL of what connects several replicas; absent for one.
pub const BACKPLANE: &str = "KARS_BACKPLANE";

/// Every setting that a program of this project reads; any other `KARS_*` name is warned of.
pub const ALL: [&str; 17] = [
    DOCUMENT,
    TRUST,
    ORIGINS,
    STATE_DIR,
    CREDENTIALS,
    IDENTITY_TOKEN,
    LISTEN_API,
    LISTEN_PROXY,
    LISTEN_DNS,
    LISTEN_ADMIN,
    RESOLVER,
    POD_NAMESPACE,
    POD_NAME,
    LOG,
    LISTEN_RELAY,
    LISTEN_REGISTRY,
    BACKPLANE,
];

/// Names that begin so are reserved: no scenario may set them in a container.
pub const RESERVED_PREFIX: &str = "KARS_";

// Ports.

/// The agent API, on loopback.
pub const API_PORT: Port = port(8443);
/// The egress proxy, on loopback.
pub const PROXY_PORT: Port = port(8444);
/// The DNS responder, on loopback.
pub const DNS_PORT: Port = port(8453);
/// The router's probes and metrics.
pub const ADMIN_PORT: Port = port(9090);
/// The relay's WebSocket.
pub const RELAY_PORT: Port = port(8083);
/// The registry.
pub const REGISTRY_PORT: Port = port(8082);
/// The relay's probes and metrics.
pub const RELAY_ADMIN_PORT: Port = port(9091);
/// Where a resolver listens.
pub const RESOLVER_PORT: Port = port(53);
/// HTTP in the clear.
pub const HTTP_PORT: Port = port(80);
/// HTTP over TLS.
pub const HTTPS_PORT: Port = port(443);

// Users.

/// The user of the agent container.
pub const AGENT_UID: u32 = 1000;
/// The user of the router container.
pub const ROUTER_UID: u32 = 1001;
/// The user of the relay container.
pub const RELAY_UID: u32 = 1001;
/// The group of every container and of the volumes.
pub const GROUP_ID: u32 = 1000;

// Containers and service accounts.

/// The agent container.
pub const AGENT_CONTAINER: &str = "agent";
/// The router container.
pub const ROUTER_CONTAINER: &str = "router";
/// The init container that loads the guard's rules.
pub const GUARD_CONTAINER: &str = "guard";
/// The relay container.
pub const RELAY_CONTAINER: &str = "relay";
/// The agent name that a scenario cannot use: its relay lives in `kars-<scenario>--mesh`.
pub const MESH_NAME: &str = "mesh";

// Folders and files in containers.

/// The word that the agent's programs show the router and the router shows them where one insists on a key. It is no secret:
/// what protects both is that they listen on loopback alone.
pub const RUNTIME_KEY: &str = "router-managed-loopback-only";
/// The agent's home and working folder.
pub const AGENT_HOME: &str = "/sandbox";
/// The folder of the router's document.
pub const DOCUMENT_FOLDER: &str = "/etc/kars/document";
/// The folder of the router's origins.
pub const ORIGINS_FOLDER: &str = "/etc/kars/origins";
/// The folder of the trust file.
pub const TRUST_FOLDER: &str = "/etc/kars/trust";
/// The folder of the document's signature.
pub const SIGNATURE_FOLDER: &str = "/etc/kars/trust/signature";
/// The folder of credentials.
pub const CREDENTIALS_FOLDER: &str = "/etc/kars/credentials";
/// The folder of the service-account token that is exchanged for a provider's token.
pub const IDENTITY_TOKEN_FOLDER: &str = "/var/run/secrets/kars/identity";
/// The folder of the service-account token that proves the agent's name to the registry.
pub const MESH_TOKEN_FOLDER: &str = "/var/run/secrets/kars/mesh";
/// The file of a service-account token in its folder.
pub const TOKEN_FILE: &str = "token";
/// The folder of state.
pub const STATE_FOLDER: &str = "/var/lib/kars";
/// The operator's socket in the folder of state.
pub const ADMIN_SOCKET: &str = "admin.sock";
/// The trust file in its folder.
pub const TRUST_FILE: &str = "trust.json";
/// The signature of a document; empty until it is signed.
pub const SIGNATURE_FILE: &str = "document.sigstore.json";

// Paths of the admin listener.

/// Whether the process lives.
pub const LIVEZ: &str = "/livez";
/// Whether it serves.
pub const READYZ: &str = "/readyz";
/// Metrics in Prometheus's text form.
pub const METRICS: &str = "/metrics";
/// Whether the agent's runtime lives, as it says on loopback.
pub const AGENT_LIVEZ: &str = "/agent/livez";
/// Whether the agent's runtime serves, as it says on loopback.
pub const AGENT_READYZ: &str = "/agent/readyz";

// Labels and annotations.

/// Label: the agent.
pub const LABEL_SANDBOX: &str = "kars.azure.com/sandbox";
/// Label: what a pod is, [`COMPONENT_SANDBOX`] or [`COMPONENT_MESH`].
pub const LABEL_COMPONENT: &str = "kars.azure.com/component";
/// Label: the agent whose child this is.
pub const LABEL_PARENT: &str = "kars.azure.com/parent";
/// Label of a namespace: how it is fenced.
pub const LABEL_ISOLATED: &str = "kars.azure.com/isolated";
/// Label of an agent's namespace, always [`ROLE_SANDBOX`].
pub const LABEL_ROLE: &str = "kars.azure.com/role";
/// Label of everything built with the relaxations of the dev profile.
pub const LABEL_DEV_ONLY: &str = "kars.azure.com/dev-only";
/// Annotation: the digest of the document that a pod enforces.
pub const ANNOTATION_DOCUMENT_DIGEST: &str = "karsc.dev/document-digest";
/// Value of [`LABEL_COMPONENT`] on agents.
pub const COMPONENT_SANDBOX: &str = "sandbox";
/// Value of [`LABEL_COMPONENT`] on relays.
pub const COMPONENT_MESH: &str = "mesh";
/// Value of [`LABEL_ROLE`].
pub const ROLE_SANDBOX: &str = "sandbox";
/// Value of `app.kubernetes.io/managed-by`.
pub const MANAGED_BY: &str = "karsc";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn settings_are_reserved_and_unique() {
        assert_eq!(BTreeSet::from(ALL).len(), ALL.len());
        assert!(ALL.iter().all(|name| name.starts_with(RESERVED_PREFIX)));
    }
}

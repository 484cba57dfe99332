//! The kinds of objects that a scenario's bundle can hold, and pods. A fixed table: nothing is discovered.

use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// One kind of object, as an API server serves it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Kind {
    group: &'static str,
    version: &'static str,
    pub(crate) name: &'static str,
    plural: &'static str,
    pub(crate) namespaced: bool,
}

/// Pods, which no bundle holds.
pub(crate) const POD: Kind = Kind { group: "", version: "v1", name: "Pod", plural: "pods", namespaced: true };
/// What widens reach whoever made it.
pub(crate) const NETWORK_POLICY: &Kind = &KINDS[2];

const KINDS: [Kind; 8] = [
    Kind { group: "", version: "v1", name: "Namespace", plural: "namespaces", namespaced: false },
    Kind { group: "", version: "v1", name: "ServiceAccount", plural: "serviceaccounts", namespaced: true },
    Kind {
        group: "networking.k8s.io",
        version: "v1",
        name: "NetworkPolicy",
        plural: "networkpolicies",
        namespaced: true,
    },
    Kind { group: "", version: "v1", name: "ConfigMap", plural: "configmaps", namespaced: true },
    Kind { group: "", version: "v1", name: "Service", plural: "services", namespaced: true },
    Kind { group: "apps", version: "v1", name: "StatefulSet", plural: "statefulsets", namespaced: true },
    Kind { group: "", version: "v1", name: "Secret", plural: "secrets", namespaced: true },
    Kind {
        group: "external-secrets.io",
        version: "v1",
        name: "ExternalSecret",
        plural: "externalsecrets",
        namespaced: true,
    },
];

/// The kind of an object, if a scenario's bundle can hold it.
pub(crate) fn named(api_version: &str, name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name && kind.resource().api_version == api_version)
}

/// The kinds that are listed, to find what the bundle does not hold. Secrets are not: nobody needs the right to list them.
pub(crate) fn listed() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| !kind.is_secret())
}

impl Kind {
    pub(crate) fn resource(&self) -> ApiResource {
        let Self { group, version, name, plural, namespaced: _ } = self;
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, name), plural)
    }

    /// As roles name it: `statefulsets.apps`.
    pub(crate) fn in_roles(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// An object with its kind, which items of lists lack.
    pub(crate) fn named(&self, mut object: Value) -> Value {
        object["apiVersion"] = Value::String(self.resource().api_version);
        object["kind"] = Value::String(self.name.to_owned());
        object
    }

    pub(crate) fn is_secret(&self) -> bool {
        self.name == "Secret"
    }
}

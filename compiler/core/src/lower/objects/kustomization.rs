//! Kustomization files: which files of a folder are applied, in which order. Nothing is generated or patched there.

use serde::{Deserialize, Serialize};

/// `kustomize.config.k8s.io/v1beta1`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kustomization {
    api_version: String,
    kind: String,
    pub(crate) resources: Vec<String>,
}

/// Lists files and folders in apply order.
pub(crate) fn kustomization(resources: Vec<String>) -> Kustomization {
    Kustomization {
        api_version: "kustomize.config.k8s.io/v1beta1".to_owned(),
        kind: "Kustomization".to_owned(),
        resources,
    }
}

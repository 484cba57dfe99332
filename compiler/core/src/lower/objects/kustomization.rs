//! Kustomization files: which files of a folder are applied, in which order. Nothing is generated or patched there.

use serde::Serialize;

/// `kustomize.config.k8s.io/v1beta1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kustomization {
    api_version: &'static str,
    kind: &'static str,
    resources: Vec<String>,
}

/// Lists files and folders in apply order.
pub(crate) fn kustomization(resources: Vec<String>) -> Kustomization {
    Kustomization { api_version: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources }
}

//! The labels of a namespace by which policies find it, and its Pod Security level, which is what its pod needs. Not here:
//! the pod.

use k8s_openapi::api::core::v1::Namespace;
use kars_contract::settings::{LABEL_ISOLATED, LABEL_ROLE, ROLE_SANDBOX};

use super::PostureScope;
use crate::render::fault::{Faults, NAMESPACE_LEVEL};

pub(super) fn judge(object: &Namespace, scope: &PostureScope<'_>, found: &mut Faults) {
    let label = |key: &str| object.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    let isolated = label(LABEL_ISOLATED);
    if isolated != Some(scope.isolation) {
        found.note(
            NAMESPACE_LEVEL,
            format!("the namespace does not say that it is isolated as `{}`", scope.isolation),
            format!("leave the label `{LABEL_ISOLATED}` as it is: admission policies find the namespace by it"),
        );
    }
    if !scope.is_mesh && label(LABEL_ROLE) != Some(ROLE_SANDBOX) {
        found.note(
            NAMESPACE_LEVEL,
            "the namespace does not say that it holds an agent",
            format!("leave the label `{LABEL_ROLE}: {ROLE_SANDBOX}` as it is"),
        );
    }
    // The guard loads packet filter rules as root, which Pod Security knows only as `privileged`.
    let due = if scope.platform.guarded && !scope.is_mesh { "privileged" } else { "restricted" };
    let enforced = label("pod-security.kubernetes.io/enforce").unwrap_or("nothing");
    if enforced != due {
        found.note(
            NAMESPACE_LEVEL,
            format!("the namespace enforces `{enforced}`, and its pod fits `{due}` exactly"),
            format!("leave the label `pod-security.kubernetes.io/enforce: {due}` as it is"),
        );
    }
}

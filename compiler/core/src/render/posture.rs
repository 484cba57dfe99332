//! What every rendered object must be, whoever wrote it: what the admission policies ask of a cluster, and what only the
//! compiler can know. Not here: whom pods can reach (`reach`).

mod amounts;
mod container;
mod exposure;
mod keys;
mod metadata;
mod namespace;
mod ours;
mod pod;
mod wiring;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PodSpec, ServiceAccount};

use super::fault::{Fault, Faults, NOT_ADMITTED, POD_POSTURE};
use crate::lower::objects::{Object, TRUST};

/// What a platform admits.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// Whether images may be named by tag, and objects be marked as made for a developer's machine.
    pub dev: bool,
    /// Whether pods of agents have a guard.
    pub guarded: bool,
    /// Images that routers and guards may run, as `repository@sha256:…`, `sha256:…` or a tagged reference.
    pub router_images: Vec<String>,
    /// Images that relays may run.
    pub relay_images: Vec<String>,
    /// The trust file of every router, where the platform has one.
    pub trust: Option<String>,
}

/// What the objects of one namespace are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PostureScope<'p> {
    pub(crate) platform: &'p Platform,
    /// How the namespace is isolated: `standard`, `enhanced` or `confidential`.
    pub(crate) isolation: &'p str,
    /// Whether it is the namespace of a relay.
    pub(crate) is_mesh: bool,
}

/// Every fault of one object.
pub(crate) fn faults(object: &Object, scope: &PostureScope<'_>) -> Vec<Fault> {
    let mut found = Faults::of(object.kind(), object.name());
    match object {
        Object::Namespace(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            namespace::judge(object, scope, &mut found);
        }
        Object::ServiceAccount(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            service_account(object, &mut found);
        }
        Object::ExternalSecret(object) => metadata::judge_external(&object.metadata, scope, &mut found),
        Object::NetworkPolicy(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            metadata::judge_size(object, &mut found);
            exposure::judge_policy(object, &mut found);
        }
        Object::ConfigMap(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            config_map(object, scope, &mut found);
        }
        Object::Service(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            exposure::judge_service(object, &mut found);
        }
        Object::StatefulSet(object) => {
            metadata::judge(&object.metadata, scope, &mut found);
            metadata::judge_size(object, &mut found);
            stateful_set(object, scope, &mut found);
        }
    }
    found.into_list()
}

/// Every fault of a pod, as a StatefulSet makes it.
pub(super) fn faults_of_pod(name: &str, pod: &PodSpec, scope: &PostureScope<'_>) -> Vec<Fault> {
    let mut found = Faults::of("Pod", name);
    judge_pod(pod, &[], scope, &mut found);
    found.into_list()
}

fn judge_pod(pod: &PodSpec, claims: &[&str], scope: &PostureScope<'_>, found: &mut Faults) {
    pod::judge(pod, scope, found);
    container::judge(pod, found);
    ours::judge(pod, scope, found);
    keys::judge(pod, found);
    wiring::judge(pod, claims, found);
    amounts::judge(pod, found);
}

fn stateful_set(object: &StatefulSet, scope: &PostureScope<'_>, found: &mut Faults) {
    let Some(spec) = &object.spec else {
        return found.note(POD_POSTURE, "the workload has no `spec`", "describe one pod");
    };
    found.require(
        spec.replicas.is_none_or(|count| count <= 1),
        POD_POSTURE,
        "an agent would be several pods with one identity",
        "set `replicas` to 0 or 1",
    );
    if let Some(labels) = spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()) {
        metadata::judge_labels(labels, scope, found);
    }
    let claims: Vec<_> =
        spec.volume_claim_templates.iter().flatten().filter_map(|claim| claim.metadata.name.as_deref()).collect();
    match &spec.template.spec {
        Some(pod) => judge_pod(pod, &claims, scope, found),
        None => found.note(POD_POSTURE, "the workload has no pod", "describe one in `spec.template.spec`"),
    }
}

fn service_account(object: &ServiceAccount, found: &mut Faults) {
    found.require(
        object.automount_service_account_token == Some(false),
        POD_POSTURE,
        "pods of this account would get a token of the API server",
        "set `automountServiceAccountToken: false`",
    );
}

fn config_map(object: &ConfigMap, scope: &PostureScope<'_>, found: &mut Faults) {
    metadata::judge_data(object, found);
    metadata::judge_document(object, found);
    if object.metadata.name.as_deref() != Some(TRUST) {
        return;
    }
    let only = object.data.as_ref().filter(|data| data.len() == 1);
    let text = only.and_then(|data| data.get(kars_contract::settings::TRUST_FILE));
    let is_binary = object.binary_data.as_ref().is_some_and(|data| !data.is_empty());
    if let Some(trust) = &scope.platform.trust {
        found.require(
            text == Some(trust) && !is_binary,
            NOT_ADMITTED,
            "the trusted keys differ from those of the environment",
            "leave `router-trust` as it is; change `trust` of the environment",
        );
    }
}

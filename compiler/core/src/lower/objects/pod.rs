//! What all our containers share: what they may not do, what they may use, how they are asked whether they are well.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, EnvVar, EnvVarSource, ExecAction, HTTPGetAction, ObjectFieldSelector, Probe, ResourceRequirements,
    SeccompProfile, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A container that runs as this user and can do nothing else.
pub(super) fn locked(user: u32) -> SecurityContext {
    SecurityContext {
        run_as_user: Some(i64::from(user)),
        run_as_non_root: Some(user != 0),
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    }
}

/// The system call filter of the container runtime.
pub(super) fn default_filter() -> SeccompProfile {
    SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
}

/// CPU and memory, requested and at most.
pub(super) fn resources(requests: [(&str, &str); 2], limits: [(&str, &str); 2]) -> ResourceRequirements {
    let amounts =
        |list: [(&str, &str); 2]| list.map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned()))).into();
    ResourceRequirements {
        requests: Some(amounts(requests)),
        limits: Some(amounts(limits)),
        ..ResourceRequirements::default()
    }
}

pub(super) fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

/// A variable that Kubernetes fills with a field of the pod.
pub(super) fn env_of_pod(name: &str, field: &str) -> EnvVar {
    let field_ref = ObjectFieldSelector { api_version: Some("v1".to_owned()), field_path: field.to_owned() };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource { field_ref: Some(field_ref), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

pub(super) fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

pub(super) fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(volume, path) }
}

/// Asks over HTTP, every so many seconds.
pub(super) fn ask(path: &str, port: IntOrString, seconds: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port,
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(seconds),
        timeout_seconds: Some(5),
        failure_threshold: Some(3),
        ..Probe::default()
    }
}

/// Runs our own program until it says that it has started, for at most a minute.
pub(super) fn started(command: &[&str]) -> Probe {
    Probe {
        exec: Some(ExecAction { command: Some(command.iter().map(|word| (*word).to_owned()).collect()) }),
        period_seconds: Some(1),
        timeout_seconds: Some(5),
        failure_threshold: Some(60),
        ..Probe::default()
    }
}

/// Sizes by resource name.
pub(super) type Amounts = BTreeMap<String, Quantity>;

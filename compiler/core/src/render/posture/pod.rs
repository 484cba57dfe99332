//! The pod as a whole: which containers it has and in which order, and what of its node it sees. Not here: its containers
//! one by one.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use kars_contract::settings::{AGENT_CONTAINER, GUARD_CONTAINER, RELAY_CONTAINER, ROUTER_CONTAINER};

use super::PostureScope;
use crate::render::fault::{Faults, POD_POSTURE};

/// The router drains for up to 25 seconds.
const GRACE_SECONDS: i64 = 30;

/// Every container: those that start first, then the others.
pub(super) fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}

pub(super) fn judge(pod: &PodSpec, scope: &PostureScope<'_>, found: &mut Faults) {
    judge_names(pod, scope, found);
    judge_host(pod, found);
    found.require(
        pod.automount_service_account_token == Some(false),
        POD_POSTURE,
        "the pod would get a token of the API server",
        "set `automountServiceAccountToken: false`; nothing in it talks to the API server",
    );
    found.require(
        scope.isolation != "confidential" || pod.runtime_class_name.is_some(),
        POD_POSTURE,
        "a confidential agent has no runtime class",
        "set `runtimeClassName`",
    );
    found.require(
        pod.termination_grace_period_seconds.is_none_or(|seconds| seconds >= GRACE_SECONDS),
        POD_POSTURE,
        "the pod would be killed before the router has drained",
        "set `terminationGracePeriodSeconds` to 30 or more",
    );
}

fn judge_names(pod: &PodSpec, scope: &PostureScope<'_>, found: &mut Faults) {
    let (first, then): (&[&str], &[&str]) = match (scope.is_mesh, scope.platform.guarded) {
        (true, _) => (&[], &[RELAY_CONTAINER]),
        (false, true) => (&[GUARD_CONTAINER, ROUTER_CONTAINER], &[AGENT_CONTAINER]),
        (false, false) => (&[ROUTER_CONTAINER], &[AGENT_CONTAINER]),
    };
    let starting = pod.init_containers.iter().flatten().map(|container| container.name.as_str());
    let running = pod.containers.iter().map(|container| container.name.as_str());
    let fit = starting.eq(first.iter().copied())
        && running.eq(then.iter().copied())
        && pod.ephemeral_containers.iter().flatten().next().is_none();
    if !fit {
        let [first, then] = [first, then].map(|names| names.join("`, `"));
        let message = match first.as_str() {
            "" => format!("the containers of the pod are not exactly `{then}`"),
            _ => format!("the containers of the pod are not exactly `{first}`, which start first, and `{then}`"),
        };
        found.note(
            POD_POSTURE,
            message,
            "leave the list of containers as it is; what else must run is a workload of its own",
        );
    }
}

fn judge_host(pod: &PodSpec, found: &mut Faults) {
    let shares = [
        ("hostNetwork", pod.host_network),
        ("hostPID", pod.host_pid),
        ("hostIPC", pod.host_ipc),
        ("shareProcessNamespace", pod.share_process_namespace),
    ];
    for (field, value) in shares {
        if value == Some(true) {
            found.note(
                POD_POSTURE,
                format!("the pod sets `{field}`"),
                "remove the field: an agent sees only what is its own",
            );
        }
    }
    let Some(security) = &pod.security_context else { return };
    let unconfined = security.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined");
    let odd = security.se_linux_options.is_some()
        || security.windows_options.is_some()
        || security.sysctls.iter().flatten().next().is_some();
    found.require(
        !unconfined && !odd,
        POD_POSTURE,
        "the pod switches a protection of its node off",
        "remove `seLinuxOptions`, `windowsOptions`, `sysctls` and an AppArmor profile `Unconfined`",
    );
}

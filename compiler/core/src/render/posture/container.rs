//! What each container may do: its user, capabilities, file system and system calls. Not here: what our own containers run.

use k8s_openapi::api::core::v1::{Container, PodSecurityContext, PodSpec, SecurityContext};
use kars_contract::settings::{
    AGENT_CONTAINER, AGENT_UID, GUARD_CONTAINER, RELAY_CONTAINER, RELAY_UID, ROUTER_CONTAINER, ROUTER_UID,
};

use super::pod::containers;
use crate::render::fault::{Faults, POD_POSTURE};

pub(super) fn judge(pod: &PodSpec, found: &mut Faults) {
    let (of_pod, of_container) = (PodSecurityContext::default(), SecurityContext::default());
    let shared = pod.security_context.as_ref().unwrap_or(&of_pod);
    for container in containers(pod) {
        let own = container.security_context.as_ref().unwrap_or(&of_container);
        for (fit, what, help) in rules(container, own, shared) {
            if !fit {
                found.note(POD_POSTURE, format!("the container `{}` {what}", container.name), help);
            }
        }
    }
}

/// What must hold, what is said where it does not, and what to do.
type Rule = (bool, &'static str, &'static str);

fn rules(container: &Container, own: &SecurityContext, shared: &PodSecurityContext) -> [Rule; 10] {
    let name = container.name.as_str();
    let is_guard = name == GUARD_CONTAINER;
    let restart = container.restart_policy.as_deref();
    let system_calls = own.seccomp_profile.as_ref().or(shared.seccomp_profile.as_ref());
    [
        (
            restart == (name == ROUTER_CONTAINER).then_some("Always"),
            "does not start and stay as it must",
            "set `restartPolicy: Always` on `router` and on no other container",
        ),
        (
            user_of(name).is_some_and(|user| own.run_as_user.or(shared.run_as_user) == Some(user)),
            "runs as another user than its own",
            "set `runAsUser`: `guard` 0, `router` and `relay` 1001, `agent` 1000",
        ),
        (
            is_guard || own.run_as_non_root.or(shared.run_as_non_root) == Some(true),
            "does not refuse to run as root",
            "set `runAsNonRoot: true`",
        ),
        (own.read_only_root_filesystem == Some(true), "may write to its image", "set `readOnlyRootFilesystem: true`"),
        (
            own.allow_privilege_escalation == Some(false) && own.privileged != Some(true),
            "may gain privileges",
            "set `allowPrivilegeEscalation: false` and no `privileged`",
        ),
        (own.proc_mount.as_deref().is_none_or(|mount| mount == "Default"), "unmasks /proc", "remove `procMount`"),
        (
            capabilities_fit(own, is_guard),
            "has other capabilities than it needs",
            "drop `ALL`; only `guard` adds one, `NET_ADMIN`",
        ),
        (
            system_calls.is_some_and(|profile| matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost")),
            "has no filter of system calls",
            "use the seccomp profile `RuntimeDefault` or `Localhost`, on the container or on the pod",
        ),
        (
            own.app_armor_profile.as_ref().is_none_or(|profile| profile.type_ != "Unconfined")
                && own.se_linux_options.is_none()
                && own.windows_options.is_none(),
            "switches a protection of its node off",
            "remove `seLinuxOptions`, `windowsOptions` and an AppArmor profile `Unconfined`",
        ),
        (
            container.ports.iter().flatten().all(|port| port.host_port.unwrap_or(0) == 0),
            "opens a port of its node",
            "remove `hostPort`",
        ),
    ]
}

fn user_of(name: &str) -> Option<i64> {
    match name {
        GUARD_CONTAINER => Some(0),
        ROUTER_CONTAINER => Some(i64::from(ROUTER_UID)),
        RELAY_CONTAINER => Some(i64::from(RELAY_UID)),
        AGENT_CONTAINER => Some(i64::from(AGENT_UID)),
        _ => None,
    }
}

fn capabilities_fit(own: &SecurityContext, is_guard: bool) -> bool {
    let Some(capabilities) = &own.capabilities else { return false };
    let due: &[&str] = if is_guard { &["NET_ADMIN"] } else { &[] };
    capabilities.drop.iter().flatten().any(|name| name == "ALL")
        && capabilities.add.iter().flatten().map(String::as_str).eq(due.iter().copied())
}

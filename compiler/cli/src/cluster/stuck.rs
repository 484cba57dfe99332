//! Why a pod does not come up, as the kubelet says it, and what to type next. Not here: pods that are merely slow.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use serde::Serialize;

/// How often a container starts anew before its crashes are no accident.
const MOST_RESTARTS: i32 = 2;

/// One thing that keeps a pod from being ready.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Stuck {
    /// The container, unless it is the pod as a whole.
    pub(crate) container: Option<String>,
    /// As Kubernetes names it, such as `ImagePullBackOff`.
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Whether nothing but a person or a new bundle changes it.
    pub(crate) terminal: bool,
    /// The command that says more.
    pub(crate) next: String,
}

/// Everything that keeps a pod from being ready; init containers first, as they run.
pub(crate) fn stuck(pod: &Pod) -> Vec<Stuck> {
    let Some(status) = &pod.status else { return Vec::new() };
    let place = Place {
        namespace: pod.metadata.namespace.as_deref().unwrap_or_default(),
        name: pod.metadata.name.as_deref().unwrap_or_default(),
    };
    let init = status.init_container_statuses.iter().flatten();
    let containers = init.chain(status.container_statuses.iter().flatten());
    let mut found: Vec<_> = containers.filter_map(|container| of_container(container, &place)).collect();
    if status.phase.as_deref() == Some("Failed") && found.is_empty() {
        found.push(place.stuck(status.reason.as_deref().unwrap_or("Failed"), status.message.as_deref(), true));
    }
    let conditions = status.conditions.iter().flatten();
    let unplaced = conditions.filter(|one| one.type_ == "PodScheduled" && one.status == "False");
    found.extend(unplaced.map(|one| {
        // A node may be added, or another pod may end: not for ever.
        place.stuck(one.reason.as_deref().unwrap_or("Unschedulable"), one.message.as_deref(), false)
    }));
    found
}

fn of_container(container: &ContainerStatus, place: &Place<'_>) -> Option<Stuck> {
    let ContainerState { waiting, terminated, running: _ } = container.state.as_ref()?;
    if let Some(waiting) = waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let terminal = match reason {
            "CrashLoopBackOff" => container.restart_count >= MOST_RESTARTS,
            "ImagePullBackOff" | "InvalidImageName" | "CreateContainerConfigError" => true,
            "CreateContainerError" | "RunContainerError" => false,
            _ if reason.starts_with("ErrImage") => true,
            // `ContainerCreating` and `PodInitializing` are on their way.
            _ => return None,
        };
        let said = waiting.message.clone().unwrap_or_default();
        let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        let (message, next) = if reason == "CrashLoopBackOff" {
            let ended = last.map(|last| format!("ended with {}; ", ending(last))).unwrap_or_default();
            let message = format!("{ended}started anew {} times; {said}", container.restart_count);
            (message, place.logs(&container.name, " --previous"))
        } else {
            (said, place.describe())
        };
        return Some(Stuck {
            container: Some(container.name.clone()),
            reason: reason.to_owned(),
            message,
            terminal,
            next,
        });
    }
    let terminated = terminated.as_ref()?;
    let reason = terminated.reason.as_deref().unwrap_or("Error");
    // An init container that is done has ended well.
    (terminated.exit_code != 0 || matches!(reason, "OOMKilled" | "Error")).then(|| Stuck {
        container: Some(container.name.clone()),
        reason: reason.to_owned(),
        message: format!("ended with {}", ending(terminated)),
        terminal: true,
        next: place.logs(&container.name, ""),
    })
}

fn ending(terminated: &ContainerStateTerminated) -> String {
    let ContainerStateTerminated { exit_code, reason, message, .. } = terminated;
    let reason = reason.as_deref().filter(|reason| *reason != "Error").map(|reason| format!(" ({reason})"));
    let message = message.as_deref().map(|message| format!(": {}", message.trim()));
    format!("exit code {exit_code}{}{}", reason.unwrap_or_default(), message.unwrap_or_default())
}

/// Where a pod is.
struct Place<'p> {
    namespace: &'p str,
    name: &'p str,
}

impl Place<'_> {
    fn describe(&self) -> String {
        format!("kubectl -n {} describe pod {}", self.namespace, self.name)
    }

    fn logs(&self, container: &str, more: &str) -> String {
        format!("kubectl -n {} logs {} -c {container}{more}", self.namespace, self.name)
    }

    fn stuck(&self, reason: &str, message: Option<&str>, terminal: bool) -> Stuck {
        let (reason, message) = (reason.to_owned(), message.unwrap_or_default().to_owned());
        Stuck { container: None, reason, message, terminal, next: self.describe() }
    }
}

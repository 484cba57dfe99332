//! What guard, router and relay run, which images, settings and keys they take; and that every image is pinned. Not here:
//! what is in the settings.

use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, VolumeMount};
use kars_contract::settings::{
    AGENT_CONTAINER, GUARD_CONTAINER, POD_NAME, POD_NAMESPACE, RELAY_CONTAINER, RESERVED_PREFIX, ROUTER_CONTAINER,
    TRUST as TRUST_SETTING,
};

use super::PostureScope;
use super::pod::containers;
use crate::lower::objects::TRUST;
use crate::render::fault::{Faults, IMAGE_NOT_ALLOWED, POD_POSTURE};

pub(super) fn judge(pod: &PodSpec, scope: &PostureScope<'_>, found: &mut Faults) {
    for container in containers(pod) {
        judge_image(container, scope, found);
        if container.name == AGENT_CONTAINER {
            continue;
        }
        judge_own_image(container, scope, found);
        let rules = [
            (
                runs_our_program(container),
                "runs something else than its program",
                "leave `command` and `args` as they are",
            ),
            (
                hooks(container)
                    .all(|command| matches!(command.first().map(String::as_str), Some("kars-router" | "kars-relay"))),
                "has a probe or hook that runs another program",
                "remove the `exec` of the probe or hook",
            ),
            (
                container.env_from.is_none()
                    && variables(container).all(|variable| variable.name.starts_with(RESERVED_PREFIX)),
                "takes settings that are not its own",
                "set variables named `KARS_…` alone, each written out, without `envFrom`",
            ),
            (
                knows_where_it_runs(container),
                "does not learn from Kubernetes where it runs",
                "set `KARS_POD_NAMESPACE` and `KARS_POD_NAME` by `fieldRef`",
            ),
            (
                trusts_the_administrators(container, pod, scope),
                "does not read trust where the administrators put it",
                "mount the ConfigMap `router-trust` whole where `KARS_TRUST` points, and nothing over it but its signature",
            ),
        ];
        for (fit, what, help) in rules {
            if !fit {
                found.note(POD_POSTURE, format!("the container `{}` {what}", container.name), help);
            }
        }
    }
}

fn judge_image(container: &Container, scope: &PostureScope<'_>, found: &mut Faults) {
    let image = container.image.as_deref().unwrap_or_default();
    let name = &container.name;
    let is_fixed = is_pinned(image) || (scope.platform.dev && has_release_tag(image));
    if !is_fixed {
        let help = if scope.platform.dev {
            "name it by a release tag or by digest, never by `latest`"
        } else {
            "name it by digest (`repository@sha256:…`); tags are for the dev profile"
        };
        found.note(IMAGE_NOT_ALLOWED, format!("the image `{image}` of the container `{name}` can change"), help);
    }
    if container.image_pull_policy.is_none() {
        found.note(
            IMAGE_NOT_ALLOWED,
            format!("when the image of the container `{name}` is pulled depends on its tag"),
            "set `imagePullPolicy`",
        );
    }
}

fn judge_own_image(container: &Container, scope: &PostureScope<'_>, found: &mut Faults) {
    let image = container.image.as_deref().unwrap_or_default();
    let allowed =
        if container.name == RELAY_CONTAINER { &scope.platform.relay_images } else { &scope.platform.router_images };
    let fits =
        |allowed: &String| image == allowed || image.split_once('@').is_some_and(|(_, digest)| digest == allowed);
    if !allowed.iter().any(fits) {
        found.note(
            IMAGE_NOT_ALLOWED,
            format!("the image `{image}` of the container `{}` is not the environment's", container.name),
            "name the image under `images` of the environment",
        );
    }
}

fn is_pinned(image: &str) -> bool {
    let Some((repository, digest)) = image.split_once("@sha256:") else { return false };
    let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    !repository.is_empty() && !repository.contains('@') && digest.len() == 64 && digest.bytes().all(is_hex)
}

fn has_release_tag(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split_once(':').is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest")
}

fn runs_our_program(container: &Container) -> bool {
    let words: Vec<_> = container.command.iter().chain(&container.args).flatten().map(String::as_str).collect();
    match container.name.as_str() {
        GUARD_CONTAINER => matches!(words[..], ["guard"] | ["kars-router", "guard"]),
        ROUTER_CONTAINER => matches!(words[..], [] | ["kars-router"]),
        RELAY_CONTAINER => matches!(words[..], [] | ["kars-relay"]),
        _ => false,
    }
}

/// The commands that the kubelet runs in a container.
fn hooks(container: &Container) -> impl Iterator<Item = &[String]> {
    let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    let probes = probes.into_iter().flatten().filter_map(|probe| probe.exec.as_ref());
    let hooks = container.lifecycle.iter().flat_map(|lifecycle| [&lifecycle.post_start, &lifecycle.pre_stop]);
    let hooks = hooks.flatten().filter_map(|hook| hook.exec.as_ref());
    probes.chain(hooks).map(|exec| exec.command.as_deref().unwrap_or_default())
}

fn variables(container: &Container) -> impl Iterator<Item = &EnvVar> {
    container.env.iter().flatten()
}

fn knows_where_it_runs(container: &Container) -> bool {
    let sources = |setting: &str| -> Vec<&str> {
        let named = variables(container).filter(|variable| variable.name == setting);
        named.map(|variable| field_of(variable).unwrap_or_default()).collect()
    };
    let (namespace, name) = (sources(POD_NAMESPACE), sources(POD_NAME));
    let unset = container.name == RELAY_CONTAINER && namespace.is_empty() && name.is_empty();
    unset || (namespace == ["metadata.namespace"] && name == ["metadata.name"])
}

fn field_of(variable: &EnvVar) -> Option<&str> {
    Some(&variable.value_from.as_ref()?.field_ref.as_ref()?.field_path)
}

fn trusts_the_administrators(container: &Container, pod: &PodSpec, scope: &PostureScope<'_>) -> bool {
    let mounts = || container.volume_mounts.iter().flatten();
    if !mounts().all(|mount| is_plain(&mount.mount_path)) {
        return false;
    }
    let folders: Vec<_> = variables(container).filter(|variable| variable.name == TRUST_SETTING).collect();
    let [folder] = folders[..] else {
        // A relay trusts only the cluster; a router of the dev profile may run unsigned documents.
        return folders.is_empty() && (container.name == RELAY_CONTAINER || scope.platform.dev);
    };
    let folder = folder.value.as_deref().unwrap_or_default();
    let is_whole = |mount: &VolumeMount| mount.sub_path.is_none() && mount.sub_path_expr.is_none();
    let holds_trust = |mount: &VolumeMount| {
        pod.volumes.iter().flatten().any(|volume| {
            volume.name == mount.name
                && volume.config_map.as_ref().is_some_and(|map| map.name == TRUST && map.items.is_none())
        })
    };
    let is_inside =
        |mount: &VolumeMount| mount.mount_path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let is_signature = |mount: &VolumeMount| mount.mount_path.strip_prefix(folder) == Some("/signature");
    mounts().any(|mount| mount.mount_path == folder && is_whole(mount) && holds_trust(mount))
        && mounts().all(|mount| !is_inside(mount) || (is_signature(mount) && is_whole(mount)))
}

/// Whether a path has one spelling: no `.`, `..`, doubled or trailing slash.
fn is_plain(path: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    path.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_word))
    })
}

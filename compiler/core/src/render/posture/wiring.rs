//! Volumes and mounts fit one to one, nothing is optional, and the agent mounts no secret. Not here: how large they are.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe, Volume};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kars_contract::settings::{AGENT_CONTAINER, IDENTITY_TOKEN_FOLDER, MESH_TOKEN_FOLDER, ROUTER_CONTAINER};

use super::pod::containers;
use crate::render::fault::{Faults, POD_POSTURE, VOLUME_WIRING};

/// Where container runtimes and other programs put tokens of their own.
const SECRET_FOLDERS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

pub(super) fn judge(pod: &PodSpec, claims: &[&str], found: &mut Faults) {
    let volumes = || pod.volumes.iter().flatten();
    let mut named = BTreeSet::new();
    for name in volumes().map(|volume| volume.name.as_str()).chain(claims.iter().copied()) {
        if !named.insert(name) {
            found.note(VOLUME_WIRING, format!("two volumes are called `{name}`"), "rename one of them");
        }
    }
    let mounted: BTreeSet<_> = containers(pod)
        .flat_map(|container| container.volume_mounts.iter().flatten())
        .map(|mount| mount.name.as_str())
        .collect();
    for name in named.difference(&mounted) {
        found.note(VOLUME_WIRING, format!("no container mounts the volume `{name}`"), "mount it, or remove it");
    }
    for volume in volumes() {
        judge_volume(volume, found);
    }
    for container in containers(pod) {
        judge_mounts(container, pod, &named, found);
        judge_variables(container, found);
        judge_probes(container, found);
    }
}

fn judge_volume(volume: &Volume, found: &mut Faults) {
    let name = &volume.name;
    let known = volume.empty_dir.is_some()
        || volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.projected.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.downward_api.is_some();
    if !known {
        found.note(
            POD_POSTURE,
            format!("the volume `{name}` is something of the node or of the network"),
            "use `emptyDir`, `configMap`, `secret`, `projected`, `persistentVolumeClaim` or `downwardAPI`",
        );
    }
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let optional = sources.flat_map(|source| {
        [
            source.config_map.as_ref().and_then(|map| map.optional),
            source.secret.as_ref().and_then(|secret| secret.optional),
        ]
    });
    let optional = optional.chain([
        volume.config_map.as_ref().and_then(|map| map.optional),
        volume.secret.as_ref().and_then(|secret| secret.optional),
    ]);
    if optional.flatten().any(|optional| optional) {
        found.note(
            VOLUME_WIRING,
            format!("the pod would start without the volume `{name}`"),
            "remove `optional: true`: what is missing must stop the pod",
        );
    }
}

fn judge_mounts(container: &Container, pod: &PodSpec, named: &BTreeSet<&str>, found: &mut Faults) {
    let is_agent = container.name == AGENT_CONTAINER;
    let mut paths = BTreeSet::new();
    for mount in container.volume_mounts.iter().flatten() {
        let (volume, path) = (mount.name.as_str(), mount.mount_path.as_str());
        let mut wrong = |what: &str, help: &str| {
            found.note(VOLUME_WIRING, format!("the container `{}` mounts {what}", container.name), help);
        };
        if !named.contains(volume) {
            wrong(&format!("a volume that the pod does not have, `{volume}`"), "add the volume, or remove the mount");
        }
        if !paths.insert(path) {
            wrong(&format!("two volumes at `{path}`"), "give each mount a path of its own");
        }
        let ours = container.name == ROUTER_CONTAINER && [IDENTITY_TOKEN_FOLDER, MESH_TOKEN_FOLDER].contains(&path);
        if !ours && SECRET_FOLDERS.iter().any(|folder| is_at_or_below(path, folder)) {
            wrong(&format!("`{path}`, where others put their tokens"), "mount it elsewhere");
        }
        let harmless = pod
            .volumes
            .iter()
            .flatten()
            .any(|known| known.name == volume && (known.empty_dir.is_some() || known.config_map.is_some()));
        if is_agent && named.contains(volume) && !harmless {
            found.note(
                POD_POSTURE,
                format!("the agent mounts `{volume}`, which is neither `emptyDir` nor `configMap`"),
                "remove the mount: secrets, tokens and state are the router's alone",
            );
        }
    }
    if is_agent && container.volume_devices.is_some() {
        found.note(POD_POSTURE, "the agent uses a block device", "remove `volumeDevices`");
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn judge_variables(container: &Container, found: &mut Faults) {
    let mut names = BTreeSet::new();
    for variable in container.env.iter().flatten() {
        if !names.insert(&variable.name) {
            let message = format!("the container `{}` sets `{}` twice", container.name, variable.name);
            found.note(VOLUME_WIRING, message, "remove one of them");
        }
    }
    let sources = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
    let values = sources.flat_map(|source| {
        [
            source.config_map_key_ref.as_ref().and_then(|key| key.optional),
            source.secret_key_ref.as_ref().and_then(|key| key.optional),
        ]
    });
    let whole = container.env_from.iter().flatten().flat_map(|source| {
        [
            source.config_map_ref.as_ref().and_then(|map| map.optional),
            source.secret_ref.as_ref().and_then(|secret| secret.optional),
        ]
    });
    if values.chain(whole).flatten().any(|optional| optional) {
        found.note(
            VOLUME_WIRING,
            format!("the container `{}` would start without one of its variables", container.name),
            "remove `optional: true`: what is missing must stop the pod",
        );
    }
}

/// A probe that asks a port by name finds it on its own container.
fn judge_probes(container: &Container, found: &mut Faults) {
    let has = |name: &str| container.ports.iter().flatten().any(|port| port.name.as_deref() == Some(name));
    let probes: [&Option<Probe>; 3] = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    for request in probes.into_iter().flatten().filter_map(|probe| probe.http_get.as_ref()) {
        if let IntOrString::String(name) = &request.port
            && !has(name)
        {
            let message =
                format!("a probe of the container `{}` asks the port `{name}`, which it does not have", container.name);
            found.note(VOLUME_WIRING, message, "name a port of the container");
        }
    }
}

//! The agent's environment holds no key that is among the router's credentials. Not here: mounts (`wiring`).

use k8s_openapi::api::core::v1::{Container, KeyToPath, PodSpec, SecretKeySelector, Volume};
use kars_contract::settings::AGENT_CONTAINER;

use super::pod::containers;
use crate::render::fault::{Faults, POD_POSTURE};

pub(super) fn judge(pod: &PodSpec, found: &mut Faults) {
    for container in containers(pod).filter(|container| container.name == AGENT_CONTAINER) {
        found.require(
            container.env_from.is_none(),
            POD_POSTURE,
            "the agent takes variables that nobody reads in review",
            "write each variable out, without `envFrom`",
        );
        for key in taken(container) {
            if pod.volumes.iter().flatten().any(|volume| holds(volume, key)) {
                found.note(
                    POD_POSTURE,
                    format!(
                        "the agent takes the key `{}/{}`, which is among the router's credentials",
                        key.name, key.key
                    ),
                    "give the channel a key of its own",
                );
            }
        }
    }
}

fn taken(container: &Container) -> impl Iterator<Item = &SecretKeySelector> {
    let sources = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
    sources.filter_map(|source| source.secret_key_ref.as_ref())
}

/// Whether a volume has the key, which it does where it lists none.
fn holds(volume: &Volume, key: &SecretKeySelector) -> bool {
    let has = |items: Option<&Vec<KeyToPath>>| {
        items.is_none_or(|items| items.is_empty() || items.iter().any(|item| item.key == key.key))
    };
    let whole = volume
        .secret
        .as_ref()
        .is_some_and(|secret| secret.secret_name.as_ref() == Some(&key.name) && has(secret.items.as_ref()));
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let mut parts = sources.filter_map(|source| source.secret.as_ref());
    whole || parts.any(|secret| secret.name == key.name && has(secret.items.as_ref()))
}

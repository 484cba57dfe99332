//! Requests, limits and volumes that lie in memory fit into one another. Not here: how much is wise.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::pod::containers;
use crate::render::fault::{Faults, POD_POSTURE};

pub(super) fn judge(pod: &PodSpec, found: &mut Faults) {
    let in_memory: BTreeMap<&str, Option<&Quantity>> = pod
        .volumes
        .iter()
        .flatten()
        .filter_map(|volume| Some((volume.name.as_str(), volume.empty_dir.as_ref()?)))
        .filter(|(_, folder)| folder.medium.as_deref() == Some("Memory"))
        .map(|(name, folder)| (name, folder.size_limit.as_ref()))
        .collect();
    for (name, limit) in &in_memory {
        if limit.is_none() {
            found.note(
                POD_POSTURE,
                format!("the volume `{name}` may fill the memory of the node"),
                "set its `sizeLimit`",
            );
        }
    }
    for container in containers(pod) {
        judge_container(container, &in_memory, found);
    }
}

fn judge_container(container: &Container, in_memory: &BTreeMap<&str, Option<&Quantity>>, found: &mut Faults) {
    let Some(resources) = &container.resources else {
        return found.note(
            POD_POSTURE,
            format!("the container `{}` may use all of its node", container.name),
            "set `resources` with requests and limits",
        );
    };
    let limits = resources.limits.as_ref();
    for (name, requested) in resources.requests.iter().flatten() {
        let Some(limit) = limits.and_then(|limits| limits.get(name)) else { continue };
        match (thousandths(requested), thousandths(limit)) {
            (Some(requested), Some(limit)) if requested <= limit => {}
            (Some(_), Some(_)) => found.note(
                POD_POSTURE,
                format!(
                    "the container `{}` requests more `{name}` than its limit: {} of {}",
                    container.name, requested.0, limit.0
                ),
                "raise the limit, or lower the request",
            ),
            _ => found.note(
                POD_POSTURE,
                format!("the container `{}` has an amount of `{name}` that is no quantity", container.name),
                "write an amount such as `500m` or `256Mi`",
            ),
        }
    }
    let mounts = container.volume_mounts.iter().flatten();
    let held: u128 = mounts.filter_map(|mount| thousandths((*in_memory.get(mount.name.as_str())?)?)).sum();
    let memory = limits.and_then(|limits| limits.get("memory")).and_then(thousandths);
    if held > 0 && memory.is_none_or(|memory| held >= memory) {
        found.note(
            POD_POSTURE,
            format!("the volumes that the container `{}` has in memory leave it none", container.name),
            "make their `sizeLimit` smaller than the memory limit",
        );
    }
}

/// A quantity in thousandths of its unit. Below a thousandth it is rounded up, as Kubernetes does.
fn thousandths(quantity: &Quantity) -> Option<u128> {
    let text = quantity.0.as_str();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (multiplier, divisor): (u128, u128) = match suffix {
        "n" => (1, 1_000_000),
        "u" => (1, 1_000),
        "m" => (1, 1),
        "" => (1_000, 1),
        "k" => (1_000_000, 1),
        "M" => (1_000_000_000, 1),
        "G" => (1_000_000_000_000, 1),
        "T" => (1_000_000_000_000_000, 1),
        "Ki" => (1_000 << 10, 1),
        "Mi" => (1_000 << 20, 1),
        "Gi" => (1_000 << 30, 1),
        "Ti" => (1_000 << 40, 1),
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    Some(digits.checked_mul(multiplier)?.div_ceil(divisor.checked_mul(scale)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_across_units() {
        let of = |text: &str| thousandths(&Quantity(text.to_owned()));
        assert_eq!(of("1"), of("1000m"));
        assert_eq!(of("0.5"), of("500m"));
        assert_eq!(of("1Gi"), of("1024Mi"));
        assert!(of("1G") < of("1Gi"));
        assert_eq!(of("1n"), Some(1));
        for text in ["", "Mi", "1.5.0", "1e3", "-1", "1 Gi"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}

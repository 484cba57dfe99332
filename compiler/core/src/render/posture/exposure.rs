//! Nothing outside the cluster gets in. Not here: who inside it does (`reach`).

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kars_contract::cidr::Cidr;

use crate::render::fault::{EXPOSED, Faults};

/// Ranges that are not routed on the internet.
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

pub(super) fn judge_service(object: &Service, found: &mut Faults) {
    let Some(spec) = &object.spec else { return };
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    if kind != "ClusterIP" {
        found.note(
            EXPOSED,
            format!("the Service is of type `{kind}`"),
            "use `ClusterIP`: `NodePort` and `LoadBalancer` expose the agent, `ExternalName` renames a host",
        );
    }
    found.require(
        spec.external_ips.iter().flatten().next().is_none(),
        EXPOSED,
        "the Service listens on addresses of the network",
        "remove `externalIPs`",
    );
}

pub(super) fn judge_policy(object: &NetworkPolicy, found: &mut Faults) {
    let rules = object.spec.iter().flat_map(|spec| spec.ingress.iter().flatten());
    for rule in rules {
        let sources = rule.from.as_deref().unwrap_or_default();
        found.require(!sources.is_empty(), EXPOSED, "an ingress rule admits everybody", "name its sources in `from`");
        for source in sources {
            judge_source(source, found);
        }
    }
}

fn judge_source(source: &NetworkPolicyPeer, found: &mut Faults) {
    if let Some(block) = &source.ip_block
        && !is_private(&block.cidr)
    {
        found.note(
            EXPOSED,
            format!("an ingress rule admits `{}`, which is not a private range", block.cidr),
            "remove it: agents are reached by declared flows alone",
        );
    }
    if source.namespace_selector.as_ref().is_some_and(is_empty) {
        found.note(EXPOSED, "an ingress rule admits every namespace", "select namespaces by a label");
    }
}

fn is_private(range: &str) -> bool {
    let Ok(range) = Cidr::parse(range) else { return false };
    PRIVATE.iter().any(|private| {
        let private = Cidr::parse(private).expect("they are written as ranges");
        private.prefix() <= range.prefix() && private.contains(range.network())
    })
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.iter().flatten().next().is_none()
        && selector.match_expressions.iter().flatten().next().is_none()
}

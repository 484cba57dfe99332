//! The namespace of an agent or a relay. Its Pod Security level is the strictest that its pod meets.

use k8s_openapi::api::core::v1::Namespace;
use kars_contract::settings;
use kars_scenario::agent::Isolation;
use kars_scenario::environment::GuardMode;

use super::{AgentPlan, Place};
use crate::resolve::Resolved;

pub(super) fn of_agent(scenario: &Resolved<'_>, plan: &AgentPlan<'_, '_>, place: &Place) -> Namespace {
    let isolated = match plan.agent.isolation {
        Isolation::Standard => "standard",
        Isolation::Enhanced => "enhanced",
        Isolation::Confidential => "confidential",
    };
    // The guard loads packet filter rules as root, which Pod Security knows only as `privileged`.
    let level = match scenario.target.guard {
        GuardMode::Init => "privileged",
        GuardMode::External => "restricted",
    };
    let mut namespace = fenced(place, isolated, level);
    let labels = namespace.metadata.labels.get_or_insert_default();
    labels.insert(settings::LABEL_ROLE.to_owned(), settings::ROLE_SANDBOX.to_owned());
    namespace
}

/// A namespace with its fence: admission policies select it by the label that says how it is isolated.
pub(super) fn fenced(place: &Place, isolated: &str, level: &str) -> Namespace {
    let mut metadata = place.metadata(&place.namespace);
    metadata.namespace = None;
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(settings::LABEL_ISOLATED.to_owned(), isolated.to_owned());
    // Whoever applies the bundle is warned of what would be refused, not of the guard at every apply.
    for (mode, level) in [("enforce", level), ("audit", "restricted"), ("warn", level)] {
        labels.insert(format!("pod-security.kubernetes.io/{mode}"), level.to_owned());
    }
    Namespace { metadata, ..Namespace::default() }
}

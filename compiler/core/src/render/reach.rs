//! Whom pods can reach, computed from the rendered network policies as a cluster reads them, and held to the declared
//! flows: each is permitted at both ends, and nothing else is. Not here: which flows are declared (`lower::flows`).

mod addresses;
mod compare;
mod expected;
mod fenced;
mod policy;
mod ports;
mod selector;
mod wiring;

use super::fault::Fault;
use crate::lower::objects::Planned;
pub(super) use expected::Expected;
pub(super) use fenced::Fenced;

/// The relay as its objects make it, read once and asked by every agent.
pub(super) struct Relay {
    pub(super) fenced: Fenced,
    pub(super) expected: Expected,
}

/// What a workload's own policies permit, held to what is declared, in both directions.
pub(super) fn faults(fenced: &Fenced, expected: &Expected) -> Vec<Fault> {
    let mut faults = compare::one_way(fenced, &fenced.policies.egress, &expected.out, compare::Way::Out);
    faults.extend(compare::one_way(fenced, &fenced.policies.ingress, &expected.into, compare::Way::Into));
    faults.extend(compare::listening(fenced, &expected.into));
    faults
}

/// What an agent and the relay permit each other, as both are rendered: an end that is renamed or relabelled breaks it.
pub(super) fn faults_between(agent: &Fenced, expected: &Expected, relay: &Relay) -> Vec<Fault> {
    compare::both_ends(agent, expected, relay)
}

/// Whether the objects of a folder belong together: names, selectors, ports, the maps that volumes are made of.
pub(super) fn wiring(planned: &[Planned]) -> Vec<Fault> {
    wiring::faults(planned)
}

//! The document of a scenario's relay: who belongs to it, and who may write to whom.

use kars_contract::relay::{Edge, RelayAgent, RelayDocument, Topology};
use kars_scenario::environment::Profile;

use super::{mesh, namespace};
use crate::resolve::Resolved;

pub(super) fn document(scenario: &Resolved<'_>) -> RelayDocument {
    let members = scenario.agents().filter(|agent| mesh::is_member(scenario, agent));
    RelayDocument {
        scenario: scenario.scenario.metadata.name.value.clone(),
        environment: scenario.target.environment.metadata.name.value.clone(),
        dev: scenario.target.profile == Profile::Dev,
        topology: Topology::Strict,
        identity: mesh::identity(scenario),
        agents: members
            .map(|agent| {
                (
                    agent.name.value.clone(),
                    RelayAgent {
                        namespace: namespace(scenario, &agent.name.value),
                        keys: std::collections::BTreeSet::new(),
                    },
                )
            })
            .collect(),
        edges: scenario
            .edges
            .all
            .iter()
            .map(|edge| Edge { from: edge.from.value.clone(), to: edge.to.value.clone(), replies: edge.replies })
            .collect(),
    }
}

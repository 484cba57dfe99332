//! The fourth stage: decisions. A checked scenario becomes contract documents, what templates may see, and Kubernetes
//! objects, all typed. Not here: text of any kind (`render`).

pub(crate) mod credentials;
pub(crate) mod delivery;
mod document;
pub(crate) mod egress;
pub(crate) mod encrypted;
pub(crate) mod flows;
mod inference;
pub(crate) mod mesh;
pub(crate) mod objects;
mod origins;
pub(crate) mod origins_of_objects;
mod relay;
mod rules;
pub(crate) mod trust;
mod view;

use kars_contract::name::{Name, Namespace};
use kars_contract::origins::RouterOrigins;
use kars_contract::relay::RelayDocument;
use kars_contract::router::RouterDocument;

use crate::check::Checked;
use crate::resolve::{Agent, Resolved};

pub(crate) use egress::label_word;
pub(crate) use origins::origin;
pub(crate) use rules::tool_rules;
pub(crate) use view::View;

/// What is to be built, agent by agent: nothing is held for all agents at once.
#[derive(Debug)]
pub struct Plan<'a> {
    checked: &'a Checked<'a>,
}

/// All that one agent needs.
#[derive(Debug)]
pub struct AgentPlan<'p, 'a> {
    pub agent: &'p Agent<'a>,
    pub namespace: Namespace,
    pub document: RouterDocument,
    pub origins: RouterOrigins,
    pub(crate) view: View<'p>,
}

/// Prepares the build of a checked scenario.
pub fn lower<'a>(checked: &'a Checked<'a>) -> Plan<'a> {
    Plan { checked }
}

impl<'a> Plan<'a> {
    /// The scenario it is made from.
    pub fn resolved(&self) -> &'a Resolved<'a> {
        self.checked.resolved()
    }

    /// Whether the scenario has a mesh: some agent may write to another.
    pub fn has_mesh(&self) -> bool {
        !self.resolved().edges.all.is_empty()
    }

    /// Everything for one agent.
    pub fn agent(&self, agent: &'a Agent<'a>) -> AgentPlan<'a, 'a> {
        let scenario = self.resolved();
        let namespace = namespace(scenario, &agent.name.value);
        let document = document::router(scenario, agent, &namespace);
        let origins = origins::of(scenario, agent, &document);
        let view = view::of(scenario, agent, &namespace);
        AgentPlan { agent, namespace, document, origins, view }
    }

    /// The relay's document, where the scenario has a mesh.
    pub fn relay(&self) -> Option<RelayDocument> {
        self.has_mesh().then(|| relay::document(self.resolved()))
    }
}

/// The namespace of an agent. That it fits is a rule.
pub(crate) fn namespace(scenario: &Resolved<'_>, agent: &Name) -> Namespace {
    Namespace::of(&scenario.scenario.metadata.name, agent).expect("a rule refuses longer names")
}

/// The namespace of the scenario's relay.
pub(crate) fn mesh_namespace(scenario: &Resolved<'_>) -> Namespace {
    let mesh = Name::parse(kars_contract::settings::MESH_NAME).expect("it is a name");
    namespace(scenario, &mesh)
}

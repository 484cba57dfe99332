//! K0520: a router stands for one workload identity. Not here: whether the provider takes one (K0507).

use kars_scenario::credential::Credential;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(520), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        let models = agent.model.iter().flat_map(|model| &model.candidates).map(|candidate| &candidate.model.credential);
        let servers = agent.mcp.iter().filter_map(|(_, server)| server.credential.as_ref());
        let mut clients = models.chain(servers).filter_map(|credential| match &credential.value {
            Credential::WorkloadIdentity { workload_identity } => Some(&workload_identity.client_id),
            Credential::Secret(_) | Credential::ManagedIdentity { .. } => None,
        });
        let Some(first) = clients.next() else { continue };
        if let Some(other) = clients.find(|other| other.value != first.value) {
            found.push(
                Diagnostic::error(RULE.code, other.span, format!("`{}` would stand for two applications", agent.name.value))
                    .because(first.span, "its router has the identity of this one")
                    .because(agent.name.span, "a pod has one service account, and that one client id")
                    .help("give one application access to both, or split the agent"),
            );
        }
    }
}

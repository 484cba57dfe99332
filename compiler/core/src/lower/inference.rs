//! Models as routes: which deployments may answer, where, in which dialect and with which credential.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::endpoint::Endpoint;
use kars_contract::id::RuleId;
use kars_contract::name::{ModelName, Name};
use kars_contract::router::{AllowedModel, Dialect, Inference, Route, Safety, Severity};
use kars_scenario::catalog::KnownModel;
use kars_scenario::model::Safety as Written;

use super::credentials;
use crate::resolve::{Agent, Candidate, ModelUse};

pub(super) fn inference(agent: &Agent<'_>, model: &ModelUse<'_>) -> Inference {
    let mut routes = BTreeMap::new();
    let mut candidates = Vec::new();
    for candidate in &model.candidates {
        let name = route_name(candidate, &routes);
        routes.insert(name.clone(), route(candidate));
        candidates.push(name);
    }
    // The agent may send the name that the scenario gives the model, or the deployment's.
    let logical = ModelName::from(model.named.value.clone());
    let deployment = deployment(model.candidates[0].deployment);
    let names = BTreeSet::from([logical.clone(), deployment.clone()]);
    let allowed = AllowedModel { id: RuleId::model(&agent.name.value, &logical), names, candidates };
    Inference { default: deployment, allowed: vec![allowed], routes }
}

/// The entry of `models`, or one for a deployment that comes from a chain of the catalog: `main-2`.
fn route_name(candidate: &Candidate<'_>, routes: &BTreeMap<Name, Route>) -> Name {
    let name = &candidate.name.value;
    if !routes.contains_key(name) {
        return name.clone();
    }
    // A chain is short; its deployments are numbered from 2.
    let numbered =
        |number: usize| Name::parse(&format!("{name}-{number}")).ok().filter(|name| !routes.contains_key(name));
    (2..=routes.len() + 2).find_map(numbered).unwrap_or_else(|| name.clone())
}

fn deployment(name: &str) -> ModelName {
    ModelName::parse(name).expect("a rule refuses other deployments")
}

fn route(candidate: &Candidate<'_>) -> Route {
    let known = candidate.known.expect("a rule refuses unknown deployments");
    let endpoint = candidate.endpoint().expect("a rule refuses a model without an address");
    Route {
        provider: candidate.model.provider.value,
        deployment: deployment(candidate.deployment),
        dialect: known.dialect,
        apis: apis(known),
        endpoint: Endpoint::parse(endpoint).expect("a rule refuses other addresses"),
        credential: credentials::lower(&candidate.model.credential),
        context_length: u64::from(known.context_length),
        safety: safety(candidate.model.safety.as_deref()),
    }
}

/// The APIs that a catalog lists, its dialect among them; none where it lists none.
fn apis(known: &KnownModel) -> BTreeSet<Dialect> {
    let spoken = (!known.apis.is_empty()).then_some(known.dialect);
    known.apis.iter().copied().chain(spoken).collect()
}

fn safety(written: Option<&Written>) -> Safety {
    let shields = written.is_some_and(|written| written.prompt_shields);
    let level = |pick: fn(&Written) -> Option<Severity>| written.and_then(pick).unwrap_or(Severity::Medium);
    Safety {
        prompt_shields: shields,
        hate: level(|written| written.hate),
        self_harm: level(|written| written.self_harm),
        sexual: level(|written| written.sexual),
        violence: level(|written| written.violence),
    }
}

//! Models and their fallbacks, in the order they are tried. Not here: whether credentials fit (`check`).

use kars_contract::name::Name;
use kars_contract::router::Dialect;
use kars_scenario::catalog::{KnownModel, ModelCatalog, RuntimeDescriptor};
use kars_scenario::diagnostic::Found;
use kars_scenario::model::{Fallback, Model};
use kars_scenario::span::Spanned;

use super::{Scope, names};
use crate::catalog::Catalog;

/// The model of an agent with all that may answer in its place.
#[derive(Clone, Debug)]
pub struct ModelUse<'a> {
    /// Where the agent names it.
    pub named: &'a Spanned<Name>,
    /// The model itself first, then its fallbacks.
    pub candidates: Vec<Candidate<'a>>,
}

/// A deployment that may answer.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The entry of `models` that says where and with which credential.
    pub name: &'a Spanned<Name>,
    pub model: &'a Model,
    /// The deployment: the entry's own, or one of the catalog's chain.
    pub deployment: &'a str,
    /// Nothing where the catalogs do not know it, which a rule reports.
    pub known: Option<&'a KnownModel>,
    pub provider: Option<&'a ModelCatalog>,
}

impl Candidate<'_> {
    /// The address of the provider: what is written, else its only one.
    pub fn endpoint(&self) -> Option<&Spanned<String>> {
        self.model.endpoint.as_ref().or_else(|| self.provider?.default_endpoint.as_ref())
    }
}

impl ModelUse<'_> {
    /// The dialect that the agent speaks: the model's where its runtime knows it, otherwise the first that the router translates.
    pub fn dialect(&self, runtime: &RuntimeDescriptor) -> Option<Dialect> {
        let spoken = self.candidates.first()?.known?.dialect;
        let find = |fits: fn(Dialect, Dialect) -> bool| {
            runtime.dialects.iter().copied().find(|dialect| fits(*dialect, spoken))
        };
        find(|dialect, spoken| dialect == spoken).or_else(|| find(Dialect::translates_to))
    }
}

pub(super) fn resolve<'a>(named: &'a Spanned<Name>, scope: Scope<'a, '_>, found: &mut Found) -> Option<ModelUse<'a>> {
    let models = &scope.parsed.scenario.models;
    let model = names::find(named, models, "models", found)?;
    let mut candidates = vec![candidate(named, model, model.deployment.as_str(), scope)];
    match &model.fallback {
        None => {}
        Some(Fallback::Models(next)) => {
            for name in next {
                if let Some(model) = names::find(name, models, "models", found) {
                    candidates.push(candidate(name, model, model.deployment.as_str(), scope));
                }
            }
        }
        Some(Fallback::Auto(_)) => {
            let next = chain(&scope.parsed.catalog, model);
            candidates.extend(next.map(|known| candidate(named, model, known.deployment.as_str(), scope)));
        }
    }
    Some(ModelUse { named, candidates })
}

/// What `fallback: auto` stands for: the catalog's chain without the model itself, and without deployments of another
/// dialect, since the request that is repeated is in the dialect of the first.
pub(crate) fn chain<'a>(catalog: &'a Catalog, model: &'a Model) -> impl Iterator<Item = &'a KnownModel> {
    let provider = model.provider.value;
    let spoken = catalog.model(provider, model.deployment.as_str()).map(|known| known.dialect);
    let names = catalog.providers.get(&provider).map(|provider| provider.chain.as_slice()).unwrap_or_default();
    let others = names.iter().filter(|name| **name != model.deployment.value);
    let known = others.filter_map(move |name| catalog.model(provider, name.as_str()));
    known.filter(move |known| Some(known.dialect) == spoken)
}

fn candidate<'a>(
    name: &'a Spanned<Name>,
    model: &'a Model,
    deployment: &'a str,
    scope: Scope<'a, '_>,
) -> Candidate<'a> {
    let catalog = &scope.parsed.catalog;
    let known = catalog.model(model.provider.value, deployment);
    Candidate { name, model, deployment, known, provider: catalog.providers.get(&model.provider) }
}

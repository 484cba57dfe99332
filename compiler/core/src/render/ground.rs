//! What all agents of a scenario share, as one hash: the ground on which an agent's files depend beside its own plan.
//! Not here: the agent's own part, and what depends on the scenario as a whole alone.

use kars_contract::digest::Digest;
use kars_contract::document::Document;
use kars_scenario::scenario::Scenario;
use serde::Serialize;

use super::Renderer;
use crate::lower::trust;

impl Renderer<'_> {
    /// The hash of what every agent's files may depend on. Nothing where that cannot be told: a patch must be seen to be
    /// used by some agent, so with patches every agent is rendered each time.
    pub(crate) fn ground(&self) -> Option<Digest> {
        let scenario = self.plan().resolved();
        if !scenario.target.environment.patches.is_empty() {
            return None;
        }
        // Without `..`, so that a new field of the language is not forgotten here. Agents and links reach an agent's files
        // through its plan; what a run must show, and what was excepted, reaches no file.
        let Scenario {
            api_version: _,
            kind: _,
            include: _,
            agents: _,
            links: _,
            exceptions: _,
            expect: _,
            metadata,
            models,
            mcp_servers,
            memories,
            channels,
            rules,
            defaults,
            budget,
            prompt,
        } = scenario.scenario;
        let catalog: Vec<_> = scenario.catalog.local.iter().map(|file| scenario.sources.get(*file)).collect();
        let catalog: Vec<_> = catalog.into_iter().map(|source| (&source.path, &source.text)).collect();
        let trust = trust::document(scenario.target.environment, scenario.texts, scenario.sources);
        let relay: Vec<_> = self.relay().into_iter().map(|planned| (planned.file, planned.object)).collect();
        Some(hash(&(
            (metadata, models, mcp_servers, memories, channels, rules, defaults, budget, prompt),
            (scenario.target.environment, scenario.target.lock.map(|(_, lock)| lock)),
            (catalog, trust.map(|trust| trust.encode()), relay),
        )))
    }
}

/// The hash of a value in a form that tells any two apart.
pub(super) fn hash(value: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(value).expect("text, numbers, lists and maps"))
}

//! The second stage: names to things, and every default filled in. A name that stands for nothing is reported here.
//! Not here: whether the whole makes sense (`check`).

mod agent;
mod edges;
mod egress;
mod flow;
mod grants;
mod images;
pub(crate) mod models;
mod names;
mod receivers;
mod rules;
mod target;

use std::collections::BTreeMap;

use kars_contract::instant::Instant;
use kars_contract::name::Name;
use kars_contract::tool::{MCP_PROVIDER, ToolId, ToolPattern};
use kars_scenario::binding::McpServer;
use kars_scenario::catalog::AccountScopedHost;
use kars_scenario::diagnostic::Found;
use kars_scenario::environment::Profile;
use kars_scenario::scenario::Scenario;
use kars_scenario::span::Spanned;
use kars_scenario::suggest::did_you_mean;
use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::parse::{Parsed, Texts};
use crate::sources::Sources;

pub use agent::{Agent, BoundChannel, BoundMcp, Persona, Respond, RuntimeChoice};
pub use edges::{Edge, Edges};
pub use egress::{EgressRule, EgressSource};
pub use flow::{Flows, Reach, Spread, Step, Witness};
pub use grants::Granted;
pub(crate) use grants::UNKNOWN_TOOL;
pub use images::{Image, Images};
pub use models::{Candidate, ModelUse};
pub(crate) use names::unresolved;
pub use receivers::Receiver;
pub use rules::RuleUse;
pub use target::Target;
pub(crate) use target::resolve as target;

/// A scenario in which every name stands for a thing.
#[derive(Debug)]
pub struct Resolved<'a> {
    pub scenario: &'a Scenario,
    pub catalog: &'a Catalog,
    pub texts: &'a Texts,
    pub sources: &'a Sources,
    /// The moment to judge by. Nothing that is written depends on it.
    pub as_of: Instant,
    pub target: Target<'a>,
    pub agents: BTreeMap<&'a Name, Agent<'a>>,
    pub edges: Edges<'a>,
}

/// How long before a date it counts as soon.
const SOON_SECONDS: i64 = 30 * 86_400;

impl<'a> Resolved<'a> {
    /// Whether a moment lies within the next 30 days, as of the moment to judge by.
    pub fn ends_soon(&self, until: Instant) -> bool {
        self.as_of < until && until.unix_seconds() - self.as_of.unix_seconds() <= SOON_SECONDS
    }

    /// Every agent, by name.
    pub fn agents(&self) -> impl Iterator<Item = &Agent<'a>> {
        self.agents.values()
    }

    /// The known host where a stranger's own account works as well, if an egress rule opens it.
    pub fn account_scoped(&self, rule: &EgressRule<'_>) -> Option<&'a AccountScopedHost> {
        self.catalog.account_scoped.iter().find(|known| rule.host.covers(&known.host) || known.host.covers(rule.host))
    }

    /// Whether some runtime, provider or MCP server of the scenario has a tool that a pattern means.
    pub fn knows_tool(&self, pattern: &ToolPattern) -> bool {
        let of_server = |(server, entry): (&Spanned<Name>, &McpServer)| {
            let wild = entry.tools.iter().any(|tool| tool.value == "*");
            let means = |tool: &str| ToolId::mcp(server, tool).is_ok_and(|tool| pattern.matches(&tool));
            let within = pattern.to_string().starts_with(&format!("{MCP_PROVIDER}.{}.", server.value));
            (wild && within) || entry.tools.iter().any(|tool| means(&tool.value))
        };
        self.catalog.tools.keys().any(|tool| pattern.matches(tool)) || self.scenario.mcp_servers.iter().any(of_server)
    }

    /// A sentence that names the tool, or set of tools, that a word was probably meant to be.
    pub(crate) fn similar_tool(&self, word: &str) -> Option<String> {
        let of_catalogs = self.catalog.tools.keys().flat_map(|tool| [tool.to_string(), format!("{}.*", tool.set())]);
        let of_servers = self.scenario.mcp_servers.iter().flat_map(|(server, entry)| {
            entry.tools.iter().map(|tool| format!("{MCP_PROVIDER}.{}.{}", server.value, tool.value))
        });
        let known: Vec<String> = of_catalogs.chain(of_servers).collect();
        did_you_mean(word, known.iter().map(String::as_str))
    }

    /// Whether the environment is for production.
    pub fn is_prod(&self) -> bool {
        self.target.profile == Profile::Prod
    }
}

/// Links every name, agent by agent in parallel.
pub fn resolve<'a>(parsed: &'a Parsed, sources: &'a Sources, as_of: Instant, found: &mut Found) -> Resolved<'a> {
    let target = target::resolve(&parsed.environment, parsed.lock.as_ref());
    let edges = edges::resolve(&parsed.scenario, found);
    let scope = Scope { parsed, sources, target: &target, children: &children(&parsed.scenario) };
    let resolved: Vec<_> = parsed
        .scenario
        .agents
        .0
        .par_iter()
        .map(|(name, agent)| {
            let mut found = Found::default();
            (agent::resolve(scope, name, agent, &mut found), found)
        })
        .collect();
    let mut agents = BTreeMap::new();
    for (agent, noticed) in resolved {
        found.extend(noticed);
        agents.insert(&agent.name.value, agent);
    }
    names::check_unreached(&parsed.scenario, found);
    let Parsed { scenario, catalog, texts, .. } = parsed;
    Resolved { scenario, catalog, texts, sources, as_of, target, agents, edges }
}

/// All that an agent's names may stand for.
#[derive(Clone, Copy)]
struct Scope<'a, 's> {
    parsed: &'a Parsed,
    sources: &'a Sources,
    target: &'s Target<'a>,
    children: &'s BTreeMap<&'a Name, Vec<&'a Spanned<Name>>>,
}

/// Every agent that is somebody's parent, with its children.
fn children(scenario: &Scenario) -> BTreeMap<&Name, Vec<&Spanned<Name>>> {
    let mut children: BTreeMap<&Name, Vec<_>> = BTreeMap::new();
    for (name, agent) in &scenario.agents {
        if let Some(parent) = &agent.parent {
            children.entry(&parent.value).or_default().push(name);
        }
    }
    children
}

/// A reference with the thing it stands for.
pub type Bound<'a, T> = (&'a Spanned<Name>, &'a T);

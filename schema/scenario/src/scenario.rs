//! The scenario: the file that people write. Each part of it has a file of its own beside this one.

use kars_contract::host_pattern::HostPattern;
use schemars::JsonSchema;
use serde::Serialize;

use crate::agent::{Agent, Budget, Defaults};
use crate::binding::{Channel, McpServer, Memory};
use crate::decode::Decode;
use crate::expectation::Expect;
use crate::link::Link;
use crate::model::Model;
use crate::name::{Name, Table};
use crate::quantity::{Duration, Moment};
use crate::rule::Rule;
use crate::span::Spanned;

/// The version of the language.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ApiVersion {
    #[serde(rename = "karsc.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of a scenario file.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ScenarioKind {
    Scenario,
}

/// Which AI agents there are, which model each may use, which hosts, tools and peers it may reach and how much it may
/// spend. What is not written here does not exist in the cluster.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// The version of the language.
    pub api_version: ApiVersion,
    /// Always `Scenario`.
    pub kind: ScenarioKind,
    /// The scenario's name and what it is for.
    pub metadata: Metadata,
    /// Further files of the scenario's folder: `[team.yaml]`. They hold entries of the maps, `links` and `exceptions`, but no
    /// `apiVersion` or `kind`.
    #[serde(default)]
    pub include: Vec<Spanned<String>>,
    /// The models that agents may use, by the name that they use.
    #[serde(default)]
    pub models: Table<Model>,
    /// The MCP servers that agents may use, by name.
    #[serde(default)]
    pub mcp_servers: Table<McpServer>,
    /// The memories that agents may use, by name.
    #[serde(default)]
    pub memories: Table<Memory>,
    /// The chat channels that agents may serve, by name.
    #[serde(default)]
    pub channels: Table<Channel>,
    /// Named sets of rules on tools and their arguments. An agent picks sets with its own `rules`.
    #[serde(default)]
    pub rules: Table<Vec<Spanned<Rule>>>,
    /// What every agent has that does not say otherwise, key by key.
    #[serde(default)]
    pub defaults: Defaults,
    /// What the whole scenario may spend; the agents' budgets may not add up to more.
    #[serde(default)]
    pub budget: Option<Spanned<Budget>>,
    /// The agents by name. Each gets a namespace, a pod and a router of its own. `mesh` is reserved.
    #[schemars(extend("minProperties" = 1))]
    pub agents: Table<Agent>,
    /// Who may start a message to whom. Nothing else can.
    #[serde(default)]
    pub links: Vec<Spanned<Link>>,
    /// The task that starts a run.
    #[serde(default)]
    pub prompt: Option<Prompt>,
    /// Findings that somebody answers for. An unused or expired exception is an error.
    #[serde(default)]
    pub exceptions: Vec<Spanned<Exception>>,
    /// What a run must show.
    #[serde(default)]
    pub expect: Option<Expect>,
}

impl Scenario {
    /// Every budget that is written: the scenario's, that of `defaults`, those of agents.
    pub fn budgets(&self) -> impl Iterator<Item = &Budget> {
        let agents = self.agents.iter().filter_map(|(_, agent)| agent.budget.as_ref());
        self.budget.iter().chain(&self.defaults.budget).chain(agents).map(|budget| &budget.value)
    }
}

/// What a scenario is called.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The scenario's name, part of every namespace: `kars-<scenario>--<agent>`.
    pub name: Spanned<Name>,
    /// One sentence for reviewers.
    #[serde(default)]
    pub description: Option<Spanned<String>>,
}

/// The task that starts a run.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prompt {
    /// The agent that receives it.
    pub to: Spanned<Name>,
    /// The text of the task, a file of the scenario's folder: `prompt.md`.
    pub file: Spanned<String>,
    /// How long the run may take, `40m`; longer than every `respond.timeout`.
    pub timeout: Spanned<Duration>,
}

/// A finding that somebody answers for: the only way to silence one.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// The code of the finding: `K0412`. Only rules whose page says `waivable` may be excepted.
    pub rule: Spanned<String>,
    /// What the finding is about, as the diagnostic names it: `agents.analyst`.
    pub at: Spanned<String>,
    /// Who answers for it: a person or a team.
    pub owner: Spanned<String>,
    /// Why it is acceptable.
    pub reason: Spanned<String>,
    /// Until when, in UTC: `2099-06-30T00:00:00Z`. An exception that has ended is an error.
    pub until: Spanned<Moment>,
}

/// A host pattern with its place.
pub type Host = Spanned<HostPattern>;

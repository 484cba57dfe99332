//! One agent with its defaults filled in and its names bound. Not here: whether it makes sense (`check`).

use std::collections::BTreeMap;

use kars_contract::name::Name;
use kars_contract::tool::{ToolId, ToolPattern};
use kars_scenario::agent::{Agent as Written, Budget, Defaults, Isolation, RespondMode, Runtime, Version};
use kars_scenario::binding::{Channel, McpServer, Memory};
use kars_scenario::catalog::RuntimeDescriptor;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Table;
use kars_scenario::pod::{EnvVar, Placement, Resources};
use kars_scenario::span::{FileId, Span, Spanned};

use super::{Bound, EgressRule, Granted, Image, ModelUse, RuleUse, Scope, egress, grants, models, names, rules};

const NO_RUNTIME: Code = Code(202);

/// An MCP server that an agent uses.
pub type BoundMcp<'a> = Bound<'a, McpServer>;
/// A channel that an agent serves.
pub type BoundChannel<'a> = Bound<'a, Channel>;

/// One agent, bound.
#[derive(Clone, Debug)]
pub struct Agent<'a> {
    pub name: &'a Spanned<Name>,
    pub written: &'a Written,
    /// Nothing where the runtime's name stands for nothing, which has been reported.
    pub runtime: Option<RuntimeChoice<'a>>,
    pub persona: Option<Persona<'a>>,
    pub model: Option<ModelUse<'a>>,
    pub respond: Respond,
    pub patterns: &'a [Spanned<ToolPattern>],
    pub tools: BTreeMap<ToolId, Granted<'a>>,
    pub mcp: Vec<BoundMcp<'a>>,
    pub memory: Option<Bound<'a, Memory>>,
    pub channels: Vec<BoundChannel<'a>>,
    pub egress: Vec<EgressRule<'a>>,
    pub budget: Option<&'a Spanned<Budget>>,
    pub rules: Vec<RuleUse<'a>>,
    pub isolation: Isolation,
    pub isolation_span: Option<Span>,
    pub resources: Option<&'a Spanned<Resources>>,
    pub placement: Option<&'a Spanned<Placement>>,
    pub env: &'a [Spanned<EnvVar>],
    pub replicas: u32,
    /// Agents whose `parent` is this one.
    pub children: Vec<&'a Spanned<Name>>,
}

impl<'a> Agent<'a> {
    /// Whether the agent has a tool, by id.
    pub fn has_tool(&self, id: &str) -> bool {
        self.tools.contains_key(id)
    }

    /// The first tool that the agent has of a set, `provider.set`, with what grants it.
    pub fn tool_of_set(&self, set: &str) -> Option<(&ToolId, &Granted<'a>)> {
        self.tools.iter().find(|(tool, _)| tool.set() == set)
    }

    /// Whether messages are answered without anybody asking for it.
    pub fn answers_unattended(&self) -> bool {
        self.respond.mode == RespondMode::Auto
    }
}

/// What runs in the agent's container.
#[derive(Clone, Debug)]
pub struct RuntimeChoice<'a> {
    pub written: &'a Spanned<Runtime>,
    pub descriptor: &'a RuntimeDescriptor,
    pub version: Option<&'a Version>,
    /// Nothing where the environment has none, which a rule reports.
    pub image: Option<Image>,
}

impl RuntimeChoice<'_> {
    /// The runtime's name.
    pub fn kind(&self) -> &Name {
        &self.descriptor.metadata.name
    }

    /// Whether this is the built-in responder for tests, which has no model and no tools.
    pub fn is_echo(&self) -> bool {
        self.kind().as_str() == "echo"
    }
}

/// Who the agent is.
#[derive(Clone, Copy, Debug)]
pub struct Persona<'a> {
    pub text: &'a str,
    pub file: FileId,
    pub span: Span,
}

/// Whether messages are answered unattended.
#[derive(Clone, Copy, Debug)]
pub struct Respond {
    pub mode: RespondMode,
    /// How long one answer may take, in seconds.
    pub seconds: u32,
    /// Where it is written.
    pub span: Option<Span>,
}

/// How long one answer may take where nothing is written.
const RESPOND_SECONDS: u32 = 600;

pub(super) fn resolve<'a>(
    scope: Scope<'a, '_>,
    name: &'a Spanned<Name>,
    written: &'a Written,
    found: &mut Found,
) -> Agent<'a> {
    let scenario = &scope.parsed.scenario;
    let defaults = &scenario.defaults;
    let runtime = runtime(scope, name, written.runtime.as_ref().or(defaults.runtime.as_ref()), found);
    // A responder for tests has no model to spend on, so what `defaults` says of models and tools is not meant for it.
    let inherited = if runtime.as_ref().is_some_and(RuntimeChoice::is_echo) { None } else { Some(defaults) };
    let mcp =
        bound(written.mcp.as_ref().or_else(|| inherited?.mcp.as_ref()), &scenario.mcp_servers, "mcpServers", found);
    let patterns = all(written.tools.as_ref().or_else(|| inherited?.tools.as_ref()));
    let tools = grants::resolve(patterns, runtime.as_ref(), &mcp, scope, found);
    let model = written.model.as_ref().or_else(|| inherited?.model.as_ref());
    let isolation = written.isolation.as_ref().or(defaults.isolation.as_ref());
    if let Some(parent) = &written.parent {
        names::find(parent, &scenario.agents, "agents", found);
    }
    Agent {
        name,
        written,
        persona: persona(scope, written),
        respond: respond(written, defaults, runtime.as_ref()),
        runtime,
        model: model.and_then(|model| models::resolve(model, scope, found)),
        patterns,
        tools,
        mcp,
        memory: bound(Some(&written.memory), &scenario.memories, "memories", found).pop(),
        channels: bound(Some(&written.channels), &scenario.channels, "channels", found),
        egress: egress::resolve(&name.value, all(written.egress.as_ref().or(defaults.egress.as_ref())), scope, found),
        budget: written.budget.as_ref().or_else(|| inherited?.budget.as_ref()),
        rules: rules::resolve(all(written.rules.as_ref().or_else(|| inherited?.rules.as_ref())), scope, found),
        isolation: isolation.map_or(Isolation::Standard, |level| level.value),
        isolation_span: isolation.map(|level| level.span),
        resources: written.resources.as_ref().or(defaults.resources.as_ref()),
        placement: written.placement.as_ref().or(defaults.placement.as_ref()),
        env: all(written.env.as_ref().or(defaults.env.as_ref())),
        replicas: written.replicas.as_ref().map_or(1, |replicas| replicas.value),
        children: scope.children.get(&name.value).cloned().unwrap_or_default(),
    }
}

/// The items of a list that may not be written.
fn all<T>(list: Option<&Vec<T>>) -> &[T] {
    list.map_or(&[], Vec::as_slice)
}

/// The entries that names stand for.
fn bound<'a, T>(
    names: Option<impl IntoIterator<Item = &'a Spanned<Name>>>,
    table: &'a Table<T>,
    field: &str,
    found: &mut Found,
) -> Vec<Bound<'a, T>> {
    names.into_iter().flatten().filter_map(|name| Some((name, names::find(name, table, field, found)?))).collect()
}

fn runtime<'a>(
    scope: Scope<'a, '_>,
    agent: &Spanned<Name>,
    written: Option<&'a Spanned<Runtime>>,
    found: &mut Found,
) -> Option<RuntimeChoice<'a>> {
    let Some(written) = written else {
        found.lose(
            Diagnostic::error(NO_RUNTIME, agent.span, format!("`{}` has no runtime", agent.value))
                .help("add `runtime: { kind: … }` to the agent or to `defaults`"),
        );
        return None;
    };
    let runtimes = &scope.parsed.catalog.runtimes;
    let Some(descriptor) = runtimes.get(&written.kind.value) else {
        found.lose(names::unresolved(&written.kind, "runtimes", runtimes.keys().map(Name::as_str)));
        return None;
    };
    let version = written.version.as_ref().or(descriptor.default_version.as_ref()).map(|version| &version.value);
    let images = &scope.target.images;
    let image = match &written.code {
        Some(code) => Some(images.own(&code.image)),
        None => images.runtime(&descriptor.image, &written.kind, version.map(Version::as_str)),
    };
    Some(RuntimeChoice { written, descriptor, version, image })
}

fn persona<'a>(scope: Scope<'a, '_>, written: &'a Written) -> Option<Persona<'a>> {
    let named = &written.persona.as_ref()?.file;
    let file = scope.parsed.texts.get(&named.value)?;
    Some(Persona { text: &scope.sources.get(file).text, file, span: named.span })
}

fn respond(written: &Written, defaults: &Defaults, runtime: Option<&RuntimeChoice<'_>>) -> Respond {
    let chosen = written.respond.as_ref().or(defaults.respond.as_ref());
    // The echo runtime exists to answer.
    let mode = match chosen {
        Some(chosen) => chosen.mode.value,
        None if runtime.is_some_and(RuntimeChoice::is_echo) => RespondMode::Auto,
        None => RespondMode::Never,
    };
    let seconds = chosen.and_then(|chosen| chosen.timeout.as_ref()).map_or(RESPOND_SECONDS, |timeout| timeout.seconds);
    Respond { mode, seconds, span: chosen.map(|chosen| chosen.span) }
}

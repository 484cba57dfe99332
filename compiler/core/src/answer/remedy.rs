//! What to do about a refusal: in words, and as the lines to add where lines would do. Not here: whether it is wise; a
//! reviewer decides, and `check` says what else such a line needs.

use std::collections::BTreeMap;

use kars_contract::host::Hostname;
use kars_contract::host_pattern::HostPattern;
use kars_contract::name::Name;
use kars_contract::origins::Origin;
use kars_contract::permits::{Decision, Reason};
use kars_contract::router::Enforcer;
use kars_contract::tool::{MCP_PROVIDER, ToolId};
use kars_scenario::policy_test::{HostPort, Question};
use kars_scenario::span::Span;
use serde::Serialize;
use serde_json::Value;

use super::yaml;
use crate::lower::origin;
use crate::resolve::{Agent, Resolved};

/// The reason of an entry that nobody has given one yet.
const REASON: &str = "say why it is needed";

/// What to do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    pub help: String,
    /// What to add to the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines>,
}

/// Lines for the scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lines {
    /// The list or map they belong to, by its path: `agents.analyst.egress`.
    pub under: String,
    /// Where that list, or what holds it, is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Origin>,
    pub yaml: String,
}

/// The reason in words, with what is wrong with a host that no rule can name.
pub(super) fn because(question: &Question, reason: Reason) -> String {
    match (question, reason) {
        (Question::Egress(to), Reason::HostNotPublic) => match Hostname::parse(to.host()) {
            Err(error) => format!("{}: {error}", reason.because()),
            Ok(_) => reason.because().to_owned(),
        },
        _ => reason.because().to_owned(),
    }
}

/// What to do about a decision; nothing where it was no refusal.
pub(super) fn of(
    scenario: &Resolved<'_>,
    agent: &Agent<'_>,
    question: &Question,
    decision: &Decision,
) -> Option<Remedy> {
    if decision.allowed {
        return None;
    }
    let advice = Advice { scenario, agent };
    Some(match question {
        Question::Egress(to) => advice.egress(to, decision.reason),
        Question::Tool(id, args) => advice.tool(id, args, decision),
        Question::Mcp(tool, args) => match ToolId::mcp(&tool.server(), tool.tool()) {
            Ok(id) => advice.tool(&id, args, decision),
            Err(error) => help(error.to_string()),
        },
        Question::Mesh(to) => advice.mesh(to, decision.reason),
        Question::Model(name) => advice.model(name.as_str()),
    })
}

fn help(text: impl Into<String>) -> Remedy {
    Remedy { help: text.into(), lines: None }
}

struct Advice<'s, 'a> {
    scenario: &'s Resolved<'a>,
    agent: &'s Agent<'a>,
}

impl Advice<'_, '_> {
    fn name(&self) -> &Name {
        &self.agent.name.value
    }

    fn lines(&self, text: impl Into<String>, under: String, at: Span, yaml: String) -> Remedy {
        let at = Some(origin(self.scenario.sources, at));
        Remedy { help: text.into(), lines: Some(Lines { under, at, yaml }) }
    }

    /// An item for a list of the agent, or for that of `defaults` where the agent takes it from there.
    fn item(&self, field: &str, is_inherited: bool, yaml: &str) -> Remedy {
        let (at, yaml) = (self.agent.name.span, format!("- {yaml}"));
        let name = self.name();
        if is_inherited {
            let text = format!(
                "add it to `defaults.{field}` for every agent that has no `{field}` of its own, or give `{name}` a list of its own"
            );
            return Remedy { help: text, lines: Some(Lines { under: format!("defaults.{field}"), at: None, yaml }) };
        }
        self.lines(format!("add it to `agents.{name}.{field}`"), format!("agents.{name}.{field}"), at, yaml)
    }

    fn egress(&self, to: &HostPort, reason: Reason) -> Remedy {
        let Ok(host) = Hostname::parse(to.host()) else {
            return help("reach peers over `links`, and everything else by its public name");
        };
        if reason == Reason::RuleEnded {
            return help("give the entry a later `until`, or do without the host");
        }
        let host = HostPattern::from(host);
        let providers = &self.scenario.catalog.providers;
        if providers.values().flat_map(|provider| &provider.hosts).any(|provider| provider.covers(&host)) {
            return help("use a `model`: the router calls providers on the agent's behalf, and nothing may skip it");
        }
        let entry = yaml::host_entry(&host, &[to.port()].into(), REASON);
        let inherited = self.agent.written.egress.is_none() && self.scenario.scenario.defaults.egress.is_some();
        self.item("egress", inherited, &entry)
    }

    fn tool(&self, id: &ToolId, args: &BTreeMap<String, Value>, decision: &Decision) -> Remedy {
        match decision.reason {
            Reason::DenyRule => help("narrow the rule, or do without the call: a deny wins over every allow"),
            Reason::NoAllowRule => self.allow_rule(id, args, decision),
            _ if id.provider() == MCP_PROVIDER => self.tool_of_server(id),
            _ => self.grant(id),
        }
    }

    /// An allow for exactly this call, in the set whose first allow names the tool.
    fn allow_rule(&self, id: &ToolId, args: &BTreeMap<String, Value>, decision: &Decision) -> Remedy {
        let deciding = self.agent.rules.iter().find(|rule| decision.rule.as_ref() == Some(&rule.id));
        let (Some(deciding), Some(conditions)) = (deciding, conditions(args)) else {
            return help("add a rule that allows the call");
        };
        let when =
            if conditions.is_empty() { String::new() } else { format!(", when: {{ args: {{ {conditions} }} }}") };
        let text =
            format!("add a rule that allows the call, for every agent that uses the set `{}`", deciding.set.value);
        let under = format!("rules.{}", deciding.set.value);
        self.lines(text, under, deciding.span, format!("- {{ allow: {}{when} }}", yaml::text(id.as_str())))
    }

    fn tool_of_server(&self, id: &ToolId) -> Remedy {
        let server = id.set().rsplit('.').next().unwrap_or_default();
        let entry = self.scenario.scenario.mcp_servers.iter().find(|(name, _)| name.value.as_str() == server);
        let Some((name, entry)) = entry else {
            return help(format!(
                "declare the server under `mcpServers.{server}`, and name it under `mcp` of the agent"
            ));
        };
        if !entry.tools.iter().any(|tool| tool.value == id.tool()) {
            let text = format!("add the tool to the server's list, for every agent that uses `{server}`");
            let item = format!("- {}", yaml::text(id.tool()));
            return self.lines(text, format!("mcpServers.{server}.tools"), name.span, item);
        }
        let inherited = self.agent.written.mcp.is_none() && self.scenario.scenario.defaults.mcp.is_some();
        self.item("mcp", inherited, &yaml::text(server))
    }

    fn grant(&self, id: &ToolId) -> Remedy {
        let runtime = self.agent.runtime.as_ref();
        let has = runtime.zip(self.scenario.catalog.tools.get(id)).is_some_and(|(runtime, tool)| {
            let reachable = tool.enforced == Enforcer::Router || id.provider() == runtime.kind().as_str();
            reachable && !runtime.is_echo() && tool.in_version(runtime.version)
        });
        if !has {
            let of = runtime.map_or("none", |runtime| runtime.kind().as_str());
            return help(format!("do without it: the runtime of the agent, `{of}`, has no such tool"));
        }
        let inherited = self.agent.written.tools.is_none() && self.scenario.scenario.defaults.tools.is_some();
        self.item("tools", inherited, &yaml::text(id.as_str()))
    }

    fn mesh(&self, to: &Name, reason: Reason) -> Remedy {
        let from = self.name();
        if from == to {
            return help("do without it: an agent writes to others alone");
        }
        let text = match reason {
            Reason::ReplyOnly => format!("add a link: the one from `{to}` lets answers through alone"),
            _ => "add a link".to_owned(),
        };
        let link = format!("- {{ from: {}, to: [{}] }}", yaml::text(from.as_str()), yaml::text(to.as_str()));
        Remedy { help: text, lines: Some(Lines { under: "links".to_owned(), at: None, yaml: link }) }
    }

    fn model(&self, asked: &str) -> Remedy {
        let models = &self.scenario.scenario.models;
        let entry =
            models.iter().find(|(name, model)| name.value.as_str() == asked || model.deployment.as_str() == asked);
        let Some((model, _)) = entry else {
            return help(format!("declare it under `models`, with `deployment: {}`", yaml::text(asked)));
        };
        let text = match &self.agent.model {
            Some(used) => format!(
                "an agent asks one model, and this one asks `{}`; name the other in its place",
                used.named.value
            ),
            None => "name the model".to_owned(),
        };
        let line = format!("model: {}", yaml::text(model.value.as_str()));
        self.lines(text, format!("agents.{}", self.name()), self.agent.name.span, line)
    }
}

/// Conditions that only calls with these arguments meet; nothing where the language has none for a value.
fn conditions(args: &BTreeMap<String, Value>) -> Option<String> {
    let condition = |(name, value): (&String, &Value)| {
        let matcher = match value {
            Value::String(text) => format!("oneOf: [{}]", yaml::text(text)),
            Value::Number(number) => format!("max: {}", number.as_u64()?),
            _ => return None,
        };
        Some(format!("{}: {{ {matcher} }}", yaml::text(name)))
    };
    let conditions: Option<Vec<_>> = args.iter().map(condition).collect();
    conditions.map(|conditions| conditions.join(", "))
}

//! Stable names of rules. The compiler makes them here, so the router and the source map speak of the same ones.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host_pattern::HostPattern;
use crate::name::{ModelName, Name, Port};
use crate::text::text_newtype;
use crate::tool::ToolPattern;

const LONGEST: usize = 1024;

/// The stable name of a rule, as `agents.analyst.egress[api.github.com:443]`: where in the scenario it was decided.
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[!-~]{1,1024}$"))]
pub struct RuleId(String);

text_newtype!(RuleId, InvalidRuleId);

/// Why a text is no name of a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a rule id: use 1 to 1024 printable ASCII characters without spaces")]
pub struct InvalidRuleId(String);

impl RuleId {
    /// Reads the name of a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidRuleId> {
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidRuleId(text.to_owned())) }
    }

    /// A host that an agent may reach: `agents.analyst.egress[api.github.com:443]`.
    #[must_use]
    pub fn egress(agent: &Name, host: &HostPattern, ports: &BTreeSet<Port>) -> Self {
        Self(format!("agents.{agent}.egress[{host}:{}]", listed(ports)))
    }

    /// Tools that an agent has: `agents.lead.tools[hermes.todo.*]`.
    #[must_use]
    pub fn tools(agent: &Name, pattern: &ToolPattern) -> Self {
        Self(format!("agents.{agent}.tools[{pattern}]"))
    }

    /// A rule of a named set, by its place in it, from 0: `rules.house[2]`.
    #[must_use]
    pub fn rule(set: &Name, place: usize) -> Self {
        Self(format!("rules.{set}[{place}]"))
    }

    /// An MCP server that an agent may use: `agents.lead.mcp[deepwiki]`.
    #[must_use]
    pub fn mcp(agent: &Name, server: &Name) -> Self {
        Self(format!("agents.{agent}.mcp[{server}]"))
    }

    /// A model that an agent may use: `agents.lead.model[main]`.
    #[must_use]
    pub fn model(agent: &Name, model: &ModelName) -> Self {
        Self(format!("agents.{agent}.model[{model}]"))
    }

    /// One of an agent's budgets: `agents.lead.budget.tokensPerDay`.
    #[must_use]
    pub fn budget(agent: &Name, field: &str) -> Self {
        Self(format!("agents.{agent}.budget.{field}"))
    }

    /// A host that a chat channel of an agent needs: `agents.lead.channels[ops].egress[api.telegram.org:443]`.
    #[must_use]
    pub fn channel(agent: &Name, channel: &Name, host: &HostPattern, ports: &BTreeSet<Port>) -> Self {
        Self(format!("agents.{agent}.channels[{channel}].egress[{host}:{}]", listed(ports)))
    }

    /// The memory of an agent: `agents.analyst.memory`.
    #[must_use]
    pub fn memory(agent: &Name) -> Self {
        Self(format!("agents.{agent}.memory"))
    }

    /// Why a parent may name its child: `agents.analyst.parent`.
    #[must_use]
    pub fn parent(child: &Name) -> Self {
        Self(format!("agents.{child}.parent"))
    }

    /// A learning window of an agent: `agents.analyst.learn`.
    #[must_use]
    pub fn learn(agent: &Name) -> Self {
        Self(format!("agents.{agent}.learn"))
    }

    /// Who may start a message to whom: `links[lead->analyst]`.
    #[must_use]
    pub fn link(from: &Name, to: &Name) -> Self {
        Self(format!("links[{from}->{to}]"))
    }
}

fn listed(ports: &BTreeSet<Port>) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    ports.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_where_a_rule_was_decided() {
        let (lead, analyst) = (Name::parse("lead").unwrap(), Name::parse("analyst").unwrap());
        let ports = BTreeSet::from([443, 80].map(|port| Port::new(port).unwrap()));
        let host = "*.wikipedia.org".parse().unwrap();
        assert_eq!(RuleId::egress(&analyst, &host, &ports).as_str(), "agents.analyst.egress[*.wikipedia.org:80,443]");
        for id in [RuleId::link(&lead, &analyst), RuleId::rule(&lead, 3), RuleId::parent(&analyst)] {
            assert_eq!(RuleId::parse(id.as_str()), Ok(id));
        }
        for text in ["", "a b", "a\n", "ä"] {
            assert!(RuleId::parse(text).is_err(), "{text}");
        }
    }
}

//! Which kinds of things a document rules, and where a rule stands in the scenario. Not here: asking about them.

use std::collections::BTreeSet;

use kars_contract::router::{Budget, Credential, Effect, EgressRule, Enforcer, RouterDocument, ToolRule};
use kars_contract::{RuleId, SecretRef};
use karsc_core::sources::Files;
use serde_json::Value;

/// A kind of thing that a document rules.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Model,
    RequestBudget,
    PeriodBudget,
    Egress,
    Channel,
    Tool,
    AllowRule,
    DenyRule,
    LimitRule,
    Mcp,
    Memory,
    Mesh,
    Child,
    Learn,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Model,
        Self::RequestBudget,
        Self::PeriodBudget,
        Self::Egress,
        Self::Channel,
        Self::Tool,
        Self::AllowRule,
        Self::DenyRule,
        Self::LimitRule,
        Self::Mcp,
        Self::Memory,
        Self::Mesh,
        Self::Child,
        Self::Learn,
    ];
}

/// What of a kind was seen.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Seen {
    Allowed,
    Refused,
}

/// What must be seen of a document.
pub(super) fn wanted(document: &RouterDocument) -> BTreeSet<(Kind, Seen)> {
    // Without `..`, so that a new field stops the build here: either an agent can ask for it, or it stands below with why not.
    let RouterDocument {
        inference,
        budget,
        egress,
        tools,
        rules,
        mcp,
        memory,
        channels,
        mesh,
        children,
        learn,
        // Who it is for; the loader judges that.
        dev: _,
        identity: _,
        // What the router does by itself and no agent asks for.
        respond: _,
        runtime: _,
        guard: _,
        infra: _,
        // Ceilings have tests of their own beside the binary.
        limits: _,
    } = document;
    let mut wanted = BTreeSet::new();
    let mut both = |is_there: bool, kind: Kind| {
        if is_there {
            wanted.extend([(kind, Seen::Allowed), (kind, Seen::Refused)]);
        }
    };
    let Budget { tokens_per_day, tokens_per_month, tokens_per_request } = budget;
    both(inference.is_some(), Kind::Model);
    both(tokens_per_request.is_some(), Kind::RequestBudget);
    both(tokens_per_day.or(*tokens_per_month).is_some(), Kind::PeriodBudget);
    both(!egress.is_empty(), Kind::Egress);
    both(!channels.is_empty(), Kind::Channel);
    both(!tools.is_empty(), Kind::Tool);
    both(!mcp.is_empty(), Kind::Mcp);
    both(learn.is_some(), Kind::Learn);
    // A set of rules may speak of tools that this agent does not have; there they decide nothing.
    let rules: Vec<_> =
        rules.iter().filter(|rule| tools.iter().any(|granted| rule.tool.matches(&granted.tool))).collect();
    for rule in &rules {
        match rule.effect {
            Effect::Allow => both(true, Kind::AllowRule),
            Effect::Deny => both(true, Kind::DenyRule),
            Effect::Limit { .. } if rule.enforced == Enforcer::Runtime => both(true, Kind::LimitRule),
            Effect::Limit { .. } => (),
        }
    }
    // The router counts these calls where they pass, and has nowhere to pass them to yet.
    if rules.iter().any(|rule| matches!(rule.effect, Effect::Limit { .. })) {
        wanted.insert((Kind::LimitRule, Seen::Allowed));
    }
    // The tool is granted with the memory; what it may see, the router sets itself.
    if memory.is_some() {
        wanted.insert((Kind::Memory, Seen::Allowed));
    }
    // The router has no mesh yet, and says so.
    wanted.extend(mesh.as_ref().map(|_| (Kind::Mesh, Seen::Refused)));
    wanted.extend((!children.is_empty()).then_some((Kind::Child, Seen::Refused)));
    wanted
}

/// Every secret that a document names.
pub(super) fn secrets(document: &RouterDocument) -> Vec<SecretRef> {
    let routes = document.inference.iter().flat_map(|inference| inference.routes.values());
    let shown =
        routes.map(|route| &route.credential).chain(document.mcp.values().filter_map(|mcp| mcp.credential.as_ref()));
    let secret = |credential: &Credential| match credential {
        Credential::Secret(reference) => Some(reference.clone()),
        Credential::WorkloadIdentity { .. } | Credential::ManagedIdentity {} => None,
    };
    shown.filter_map(secret).collect()
}

/// Fails unless an answer names this rule, and the line of the scenario that holds it.
pub(super) fn assert_named(told: &Value, rule: &RuleId, document: &RouterDocument, sources: &dyn Files) {
    assert_eq!(told["rule"].as_str(), Some(rule.as_str()), "{told}");
    let origin = told["origin"].as_str().unwrap_or_else(|| panic!("no place is named: {told}"));
    let mut parts = origin.rsplitn(3, ':');
    let (column, line) = (parts.next().unwrap(), parts.next().unwrap());
    let file = parts.next().unwrap_or_else(|| panic!("`{origin}` names no file"));
    let text = String::from_utf8(sources.read(file).unwrap_or_else(|_| panic!("there is no `{file}`"))).unwrap();
    let line =
        text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap_or_else(|| panic!("`{origin}` does not exist"));
    let there = line.chars().nth(column.parse::<usize>().unwrap() - 1);
    assert!(there.is_some_and(|letter| !letter.is_whitespace()), "nothing stands at {origin}: {line}");
    let texts = texts_of(rule, document);
    assert!(texts.iter().any(|text| line.contains(text)), "{origin} holds none of {texts:?}: {line}");
}

/// How a rule is written where it stands.
fn texts_of(rule: &RuleId, document: &RouterDocument) -> Vec<String> {
    if let Some(EgressRule { host, preset, channel, .. }) = document.egress.iter().find(|egress| egress.id == *rule) {
        let names = [preset, channel].into_iter().flatten().map(ToString::to_string);
        return names.chain([host.to_string()]).collect();
    }
    if let Some(ToolRule { tool, .. }) = document.rules.iter().find(|other| other.id == *rule) {
        return vec![tool.to_string(), format!("\"{}.*\"", tool.to_string().rsplit_once('.').unwrap().0)];
    }
    if let Some(learn) = document.learn.as_ref().filter(|learn| learn.id == *rule) {
        return vec![learn.until.to_string()];
    }
    let text = rule.as_str();
    let Budget { tokens_per_day, tokens_per_month, tokens_per_request } = document.budget;
    let budgets = [
        ("tokensPerDay", tokens_per_day),
        ("tokensPerMonth", tokens_per_month),
        ("tokensPerRequest", tokens_per_request),
    ];
    if let Some((_, tokens)) = budgets.iter().find(|(field, _)| text.ends_with(&format!(".budget.{field}"))) {
        return vec![tokens.unwrap().to_string()];
    }
    let inside = text.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    vec![inside.unwrap_or_else(|| panic!("`{rule}` is no rule of the document")).to_owned()]
}

//! What an agent's router answers to a question, with the line that decided. The router's own matcher is asked, on the
//! document that the router gets. Not here: reading questions (`why`, `policy_tests`).

pub(crate) mod names;
mod remedy;
pub(crate) mod yaml;

use std::collections::BTreeMap;

use kars_contract::instant::Instant;
use kars_contract::name::Name;
use kars_contract::origins::{Origin, RouterOrigins};
use kars_contract::permits::{Arguments, Decision, Policy, Reason, Request};
use kars_contract::router::Enforcer;
use kars_contract::{RouterDocument, RuleId};
use kars_scenario::policy_test::{Question, QuestionKind};
use serde::Serialize;

use crate::lower::Plan;

pub use remedy::{Lines, Remedy};

/// A decision as people and programs want to see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Who acts.
    pub agent: Name,
    pub kind: QuestionKind,
    /// What it tries, as it was asked.
    pub subject: String,
    /// The arguments of the call, where it is one.
    #[serde(skip_serializing_if = "Arguments::is_empty")]
    pub args: Arguments,
    pub allowed: bool,
    pub reason: Reason,
    /// The reason in words.
    pub because: String,
    /// The rule that decided; nothing where there is none that could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// Where that rule is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub enforced: Enforcer,
    /// What must have room for it to pass, too.
    pub limits: Vec<Limit>,
    /// What to do where it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Explanation {
    /// The question in one line, as `karsc why` takes it.
    pub fn question(&self) -> String {
        let Self { agent, kind, subject, args, .. } = self;
        let mut line = format!("{agent} {} {subject}", kind.as_str());
        for (name, value) in args {
            // Text that is no JSON is text without quotes, too.
            let bare = value.as_str().filter(|text| serde_json::from_str::<serde_json::Value>(text).is_err());
            line.push_str(&format!(" {name}={}", bare.map_or_else(|| value.to_string(), str::to_owned)));
        }
        line
    }
}

/// A limit that counts what was asked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    pub rule: RuleId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub calls: u32,
    pub per_seconds: u32,
}

/// The routers of a scenario. Each is made when it is asked first, and asked as often as anybody likes.
pub(crate) struct Routers<'a> {
    plan: &'a Plan<'a>,
    made: BTreeMap<Name, Router>,
}

struct Router {
    policy: Policy,
    origins: RouterOrigins,
}

impl<'a> Routers<'a> {
    pub(crate) fn of(plan: &'a Plan<'a>) -> Self {
        Self { plan, made: BTreeMap::new() }
    }

    /// What the router of an agent answers at the moment that the scenario is judged by. That all names stand for something
    /// has been checked.
    pub(crate) fn ask(&mut self, agent: &Name, question: &Question) -> Explanation {
        let scenario = self.plan.resolved();
        let plan = self.plan;
        let router = self.made.entry(agent.clone()).or_insert_with(|| {
            let planned = plan.agent(&scenario.agents[agent]);
            Router::of(&planned.document, planned.origins)
        });
        let decision = decide(&router.policy, question, scenario.as_of);
        let origin = |rule: &RuleId| router.origins.rules.get(rule).cloned();
        let remedy = remedy::of(scenario, &scenario.agents[agent], question, &decision);
        let Decision { allowed, rule, reason, enforced, limits } = decision;
        let limits = limits.into_iter().map(|bucket| Limit {
            origin: origin(&bucket.rule),
            rule: bucket.rule,
            calls: bucket.calls,
            per_seconds: bucket.per_seconds,
        });
        Explanation {
            agent: agent.clone(),
            kind: question.kind(),
            subject: question.subject().to_owned(),
            args: question.args().map(arguments).unwrap_or_default(),
            allowed,
            reason,
            because: remedy::because(question, reason),
            origin: rule.as_ref().and_then(origin),
            rule,
            enforced,
            limits: limits.collect(),
            remedy,
        }
    }
}

impl Router {
    fn of(document: &RouterDocument, origins: RouterOrigins) -> Self {
        Self { policy: Policy::new(document), origins }
    }
}

/// Puts the question to the matcher.
fn decide(policy: &Policy, question: &Question, as_of: Instant) -> Decision {
    match question {
        Question::Egress(to) => policy.permits_host(to.host(), to.port(), as_of),
        Question::Tool(id, args) => policy.permits(&Request::Tool { id, args: &arguments(args) }, as_of),
        Question::Mcp(tool, args) => {
            let (server, args) = (tool.server(), arguments(args));
            policy.permits(&Request::Mcp { server: &server, tool: tool.tool(), args: &args }, as_of)
        }
        Question::Mesh(to) => policy.permits(&Request::Mesh { to, reply: false }, as_of),
        Question::Model(name) => policy.permits(&Request::Model { name }, as_of),
    }
}

fn arguments(args: &BTreeMap<String, serde_json::Value>) -> Arguments {
    args.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

//! Random documents, requests and moments. Not here: what must hold for them.

use std::collections::{BTreeMap, BTreeSet};

use kars_contract::guard::GuardParams;
use kars_contract::permits::Arguments;
use kars_contract::router::{
    AllowedModel, ArgumentMatcher, Budget, Channel, Child, Credential, Dialect, Effect, EgressRule, Enforcer,
    FilePattern, GrantedTool, Identity, IncomingLink, Inference, InfraDestination, Isolation, Learn, Limits,
    LoopbackUrl, McpServer, Memory, Mesh, MeshIdentity, NewStore, OutgoingLink, PromptEndpoint, PromptProtocol,
    Provider, Respond, RespondMode, Route, Runtime, RuntimeIdentity, Safety, Severity, TokenIssuer, ToolRule, When,
};
use kars_contract::{Guid, HostPattern, Instant, Name, Port, RouterDocument, RuleId, ToolPattern};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

/// Reads a newtype from text that is known to be right.
pub(crate) fn of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

pub(crate) fn name() -> impl Strategy<Value = Name> {
    "[ab]".prop_map(|text| of(&text))
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,8}"
}

pub(crate) fn instant() -> impl Strategy<Value = Instant> {
    (0..4_i64).prop_map(|second| Instant::from_unix_seconds(second).unwrap())
}

fn host_pattern() -> impl Strategy<Value = HostPattern> {
    "(\\*\\.|\\*\\*\\.)?((a|b)\\.){0,2}example\\.org".prop_map(|text| of(&text))
}

fn ports() -> impl Strategy<Value = BTreeSet<Port>> {
    btree_set((1..3_u16).prop_map(port), 0..3)
}

fn egress_rule() -> impl Strategy<Value = EgressRule> {
    let facts = (text(), option::of(text()), option::of(name()), btree_set(name(), 0..2));
    (host_pattern(), ports(), option::of(instant()), facts).prop_map(|(host, ports, until, facts)| {
        let (reason, ticket, preset, labels) = facts;
        EgressRule { id: of("egress"), host, ports, until, reason, ticket, preset, channel: None, labels }
    })
}

pub(crate) fn tool_id() -> impl Strategy<Value = String> {
    "(p\\.[xy]|mcp\\.[ab])\\.[tu]"
}

fn tool_pattern() -> impl Strategy<Value = ToolPattern> {
    prop_oneof![tool_id(), Just("p.x.*".to_owned()), Just("mcp.a.*".to_owned())].prop_map(|text| of(&text))
}

fn texts() -> impl Strategy<Value = BTreeSet<String>> {
    btree_set("git|ls|rm", 1..3)
}

fn argument_matcher() -> impl Strategy<Value = ArgumentMatcher> {
    prop_oneof![
        texts().prop_map(ArgumentMatcher::Program),
        texts().prop_map(ArgumentMatcher::OneOf),
        "/(a(/b)?)?".prop_map(ArgumentMatcher::Under),
        "[gl]?".prop_map(ArgumentMatcher::Prefix),
        (0..3_u64).prop_map(ArgumentMatcher::Max),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let limit = (1..9_u32, 1..9_u32).prop_map(|(calls, per_seconds)| Effect::Limit { calls, per_seconds });
    prop_oneof![3 => Just(Effect::Allow), 2 => Just(Effect::Deny), 1 => limit]
}

fn tool_rule() -> impl Strategy<Value = ToolRule> {
    let when = btree_map("[mn]", argument_matcher(), 0..3).prop_map(|args| When { args });
    (effect(), tool_pattern(), when).prop_map(|(effect, tool, when)| {
        let enforced = tool.enforcer();
        ToolRule { id: of("rule"), effect, tool, when, enforced }
    })
}

pub(crate) fn arguments() -> impl Strategy<Value = Arguments> {
    let value = prop_oneof![
        "(git|ls|rm)?( ;|;)?( git| rm)?".prop_map(Value::from),
        "/?(a|b|c|\\.\\.)?(/b)?".prop_map(Value::from),
        (-1..4_i64).prop_map(Value::from),
        vec("git|rm", 0..2).prop_map(Value::from),
        Just(Value::Null),
    ];
    btree_map("[mn]", value, 0..3).prop_map(|args| args.into_iter().collect())
}

fn mesh() -> impl Strategy<Value = Mesh> {
    let files = || btree_set("(in/)?[a*]\\.png".prop_map(|text| of::<FilePattern>(&text)), 0..2);
    let outgoing = (option::of(text()), files(), any::<bool>(), option::of(any::<u32>()));
    let outgoing = outgoing.prop_map(|(role, files, replies, respond_timeout_seconds)| OutgoingLink {
        id: of("out"),
        role,
        files,
        replies,
        respond_timeout_seconds,
    });
    let incoming = (files(), any::<bool>()).prop_map(|(files, replies)| IncomingLink { id: of("in"), files, replies });
    (btree_map(name(), outgoing, 0..2), btree_map(name(), incoming, 0..2)).prop_map(|(outgoing, incoming)| Mesh {
        relay: of("ws://relay.kars-s--mesh.svc.cluster.local:8083/ws"),
        registry: of("http://registry.kars-s--mesh.svc.cluster.local:8082"),
        identity: MeshIdentity::Workload,
        keys: BTreeMap::new(),
        outgoing,
        incoming,
    })
}

/// The resolver, and everybody who could be asked for a token.
fn infra() -> BTreeMap<Name, InfraDestination> {
    let resolver = InfraDestination { host: None, cidr: Some(of("10.96.0.10/32")), ports: BTreeSet::from([port(53)]) };
    let issuers = [TokenIssuer::Copilot, TokenIssuer::Entra, TokenIssuer::Node];
    let issuers = issuers.map(|issuer| (issuer.name(), issuer.destination()));
    issuers.into_iter().chain([(of("resolver"), resolver)]).collect()
}

fn guid() -> impl Strategy<Value = Guid> {
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".prop_map(|text| of(&text))
}

fn inference() -> impl Strategy<Value = Inference> {
    let credential = prop_oneof![
        Just(Credential::Secret(of("model/KEY"))),
        (guid(), guid()).prop_map(|(client_id, tenant_id)| Credential::WorkloadIdentity { client_id, tenant_id }),
        Just(Credential::ManagedIdentity {}),
    ];
    (credential, any::<bool>(), 1..u64::MAX).prop_map(|(credential, prompt_shields, context_length)| Inference {
        default: of("main"),
        allowed: vec![AllowedModel {
            id: of("agents.a.model[main]"),
            names: BTreeSet::from([of("main"), of("gpt-5.4")]),
            candidates: vec![of("main")],
        }],
        routes: BTreeMap::from([(
            of("main"),
            Route {
                provider: Provider::AzureFoundry,
                deployment: of("gpt-5.4"),
                dialect: Dialect::Responses,
                apis: BTreeSet::from([Dialect::Responses]),
                endpoint: of("https://contoso.services.ai.azure.com/api/projects/brief"),
                credential,
                context_length,
                safety: Safety {
                    prompt_shields,
                    hate: Severity::Low,
                    self_harm: Severity::Medium,
                    sexual: Severity::Safe,
                    violence: Severity::High,
                },
            },
        )]),
    })
}

fn mcp_server() -> impl Strategy<Value = McpServer> {
    (btree_set("[tu]", 0..2), any::<u32>()).prop_map(|(tools, timeout_seconds)| McpServer {
        id: of("agents.a.mcp[s]"),
        url: of("https://mcp.example.org/mcp"),
        tools,
        credential: None,
        timeout_seconds,
    })
}

fn granted_tools() -> impl Strategy<Value = Vec<GrantedTool>> {
    btree_set("p\\.[xy]\\.[tu]", 0..4).prop_map(|tools| {
        let grant = |text: String| GrantedTool {
            id: of(&format!("agents.a.tools[{text}]")),
            tool: of(&text),
            enforced: Enforcer::Runtime,
        };
        tools.into_iter().map(grant).collect()
    })
}

fn identity() -> impl Strategy<Value = Identity> {
    (name(), option::of(text()), option::of(name())).prop_map(|(agent, role, parent)| Identity {
        scenario: of("s"),
        environment: of("kind"),
        cluster: of("kind"),
        agent,
        namespace: of("kars-s--a"),
        runtime: RuntimeIdentity { kind: of("hermes"), version: Some("0.15.2".to_owned()) },
        role,
        parent,
        isolation: Isolation::Enhanced,
    })
}

fn budget() -> impl Strategy<Value = Budget> {
    let tokens = || option::of(any::<u64>());
    (tokens(), tokens(), tokens()).prop_map(|(day, month, request)| Budget {
        tokens_per_day: day,
        tokens_per_month: month,
        tokens_per_request: request,
    })
}

/// Gives every rule of a document a name of its own.
fn number<'a>(kind: &str, ids: impl Iterator<Item = &'a mut RuleId>) {
    for (place, id) in ids.enumerate() {
        *id = of(&format!("{kind}[{place}]"));
    }
}

/// A document that passes its own checks.
pub(crate) fn document() -> impl Strategy<Value = RouterDocument> {
    let rules = (vec(egress_rule(), 0..7), granted_tools(), vec(tool_rule(), 0..7));
    let parts = (identity(), option::of(inference()), budget(), option::of(mesh()));
    let servers = btree_map(name(), mcp_server(), 0..2);
    let child = option::of(text()).prop_map(|role| Child { id: of("agents.b.parent"), role });
    let learn = option::of(instant().prop_map(|until| Learn { id: of("agents.a.learn"), until }));
    (rules, parts, servers, btree_map(name(), child, 0..2), learn).prop_map(|(rules, parts, mcp, children, learn)| {
        let (mut egress, tools, mut rules) = rules;
        let (identity, inference, budget, mesh) = parts;
        number("egress", egress.iter_mut().map(|rule| &mut rule.id));
        number("rules", rules.iter_mut().map(|rule| &mut rule.id));
        let url = |path: &str| LoopbackUrl { port: port(8642), path: path.to_owned() };
        RouterDocument {
            dev: learn.is_some(),
            identity,
            inference,
            budget,
            egress,
            tools,
            rules,
            mcp,
            memory: Some(Memory {
                id: of("agents.a.memory"),
                store: "store".to_owned(),
                scope: "scope".to_owned(),
                retention_days: Some(7),
                shared: false,
                create: Some(NewStore { embedding: of("text-embedding-3-small") }),
            }),
            channels: BTreeMap::from([(of("ops"), Channel { kind: of("telegram") })]),
            mesh,
            children,
            respond: Respond {
                mode: RespondMode::Auto,
                timeout_seconds: 1200,
                prompt: Some(PromptEndpoint { url: url("/v1/runs"), protocol: PromptProtocol::HermesRuns }),
            },
            runtime: Runtime { probe: Some(url("/health")) },
            limits: Limits::default(),
            guard: GuardParams::default(),
            infra: infra(),
            learn,
        }
    })
}

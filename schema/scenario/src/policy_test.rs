//! Policy tests: what the routers must answer to a question, as people write it in `tests/*.yaml`. Not here: asking (the
//! matcher is the contract's), and what a run must show (`expectation`).

use std::collections::BTreeMap;

use kars_contract::id::RuleId;
use kars_contract::name::ModelName;
use kars_contract::tool::ToolId;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::codes;
use crate::decode::Decode;
use crate::diagnostic::{Diagnostic, Found};
use crate::name::Name;
use crate::node::Node;
use crate::span::Spanned;

/// What the policy of a scenario must answer. `karsc test` asks the matcher that the routers run.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyTests {
    /// The questions, each with its answer.
    pub expectations: Vec<Spanned<PolicyExpectation>>,
}

/// One question and the answer that it must get.
#[derive(Clone, Debug)]
pub struct PolicyExpectation {
    /// Who acts.
    pub agent: Spanned<Name>,
    /// What it tries.
    pub question: Question,
    /// What the router must say.
    pub expect: Spanned<Answer>,
    /// The rule that must have decided.
    pub rule: Option<Spanned<RuleId>>,
}

/// What kind of thing an agent tries.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuestionKind {
    Egress,
    Tool,
    Mcp,
    Mesh,
    Model,
}

/// What an agent tries.
#[derive(Clone, Debug)]
pub enum Question {
    /// Opens a connection.
    Egress(Spanned<HostPort>),
    /// Calls a tool.
    Tool(Spanned<ToolId>, BTreeMap<String, serde_json::Value>),
    /// Calls a tool of an MCP server.
    Mcp(Spanned<ServerTool>, BTreeMap<String, serde_json::Value>),
    /// Starts a message to an agent.
    Mesh(Spanned<Name>),
    /// Asks a model.
    Model(Spanned<ModelName>),
}

/// What a router says to a question.
#[derive(Clone, Copy, Debug, Decode, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The router lets it through.
    Allow,
    /// The router refuses it.
    Deny,
}

/// One question and the answer that it must get. Exactly one of `egress`, `tool`, `mcp`, `mesh` and `model` is written.
#[derive(Clone, Debug, Decode, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "PolicyExpectation", extend(
    "oneOf" = [{ "required": ["egress"] }, { "required": ["tool"] }, { "required": ["mcp"] }, { "required": ["mesh"] }, { "required": ["model"] }],
    "dependentSchemas" = { "args": { "anyOf": [{ "required": ["tool"] }, { "required": ["mcp"] }] } }
))]
struct Written {
    /// The agent that acts, a name of `agents`.
    agent: Spanned<Name>,
    /// A connection to `host:port`, as in `api.example.org:443`.
    #[serde(default)]
    egress: Option<Spanned<HostPort>>,
    /// A call of a tool, as `provider.set.tool`.
    #[serde(default)]
    tool: Option<Spanned<ToolId>>,
    /// The arguments of the tool call, by name. Only with `tool` and `mcp`.
    #[serde(default)]
    args: Option<BTreeMap<String, serde_json::Value>>,
    /// A call of an MCP server's tool, as `server/tool`.
    #[serde(default)]
    mcp: Option<Spanned<ServerTool>>,
    /// A message to this agent, not in reply to one of its own.
    #[serde(default)]
    mesh: Option<Spanned<Name>>,
    /// A request to this model: a name of `models`, or a deployment.
    #[serde(default)]
    model: Option<Spanned<ModelName>>,
    /// What the router must answer.
    expect: Spanned<Answer>,
    /// The rule that must have decided, as `karsc why` prints it: `agents.analyst.egress[api.example.org:443]`.
    #[serde(default)]
    rule: Option<Spanned<RuleId>>,
}

impl Decode for PolicyExpectation {
    fn decode(node: &Node, found: &mut Found) -> Option<Self> {
        let Written { agent, egress, tool, args, mcp, mesh, model, expect, rule } = Written::decode(node, found)?;
        if args.is_some() && tool.is_none() && mcp.is_none() {
            found.lose(
                Diagnostic::error(codes::UNKNOWN_FIELD, node.span, "only a question about `tool` or `mcp` has `args`")
                    .help("remove `args`"),
            );
            return None;
        }
        let args = args.unwrap_or_default();
        let mut questions: Vec<Question> = [
            egress.map(Question::Egress),
            tool.map(|tool| Question::Tool(tool, args.clone())),
            mcp.map(|tool| Question::Mcp(tool, args)),
            mesh.map(Question::Mesh),
            model.map(Question::Model),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let (Some(question), true) = (questions.pop(), questions.is_empty()) {
            return Some(Self { agent, question, expect, rule });
        }
        let message = "an expectation asks exactly one question";
        found.lose(
            Diagnostic::error(codes::MISSING_FIELD, node.span, message)
                .help("write one of `egress`, `tool`, `mcp`, `mesh` and `model`"),
        );
        None
    }
}

impl JsonSchema for PolicyExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Serialize for PolicyExpectation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { agent, question, expect, rule } = self.clone();
        let mut written =
            Written { agent, egress: None, tool: None, args: None, mcp: None, mesh: None, model: None, expect, rule };
        match question {
            Question::Egress(to) => written.egress = Some(to),
            Question::Tool(tool, args) => (written.tool, written.args) = (Some(tool), Some(args)),
            Question::Mcp(tool, args) => (written.mcp, written.args) = (Some(tool), Some(args)),
            Question::Mesh(peer) => written.mesh = Some(peer),
            Question::Model(model) => written.model = Some(model),
        }
        written.serialize(serializer)
    }
}

crate::text::text_type! {
    /// A host and a port, `api.example.org:443`. The host may be one that no rule can allow, such as an address.
    HostPort, "a host and a port", 260, "^[^\\s/]+:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
    |text| text.rsplit_once(':').is_some_and(|(host, port)| {
        let number = port.parse::<std::num::NonZeroU16>().is_ok_and(|number| number.to_string() == port);
        number && !host.is_empty() && !host.contains(|letter: char| letter.is_whitespace() || letter == '/')
    }),
    "write `host:port`: `api.example.org:443`"
}
crate::text::text_type! {
    /// A tool of an MCP server, `server/tool`.
    ServerTool, "a tool of an MCP server", 170, "^[a-z0-9]+(-[a-z0-9]+)*/[A-Za-z0-9_./-]{1,128}$",
    |text| text.split_once('/').is_some_and(|(server, tool)| {
        server.parse::<Name>().is_ok_and(|server| ToolId::mcp(&server, tool).is_ok())
    }),
    "write `server/tool`: `deepwiki/ask_question`"
}

impl QuestionKind {
    /// The word that a test and a command line have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Tool => "tool",
            Self::Mcp => "mcp",
            Self::Mesh => "mesh",
            Self::Model => "model",
        }
    }
}

impl Question {
    /// What kind of thing is tried.
    pub fn kind(&self) -> QuestionKind {
        match self {
            Self::Egress(_) => QuestionKind::Egress,
            Self::Tool(..) => QuestionKind::Tool,
            Self::Mcp(..) => QuestionKind::Mcp,
            Self::Mesh(_) => QuestionKind::Mesh,
            Self::Model(_) => QuestionKind::Model,
        }
    }

    /// The arguments of the call, where it is one.
    pub fn args(&self) -> Option<&BTreeMap<String, serde_json::Value>> {
        match self {
            Self::Tool(_, args) | Self::Mcp(_, args) => Some(args),
            Self::Egress(_) | Self::Mesh(_) | Self::Model(_) => None,
        }
    }

    /// What is tried, as written, without arguments.
    pub fn subject(&self) -> &str {
        match self {
            Self::Egress(to) => to.as_str(),
            Self::Tool(tool, _) => tool.as_str(),
            Self::Mcp(tool, _) => tool.as_str(),
            Self::Mesh(peer) => peer.as_str(),
            Self::Model(model) => model.as_str(),
        }
    }
}

impl HostPort {
    /// The host, as written.
    pub fn host(&self) -> &str {
        self.parts().0
    }

    /// The port.
    pub fn port(&self) -> std::num::NonZeroU16 {
        self.parts().1.parse().expect("it was checked when it was read")
    }

    fn parts(&self) -> (&str, &str) {
        self.as_str().rsplit_once(':').expect("it was checked when it was read")
    }
}

impl ServerTool {
    /// The server's name.
    pub fn server(&self) -> Name {
        self.parts().0.parse().expect("it was checked when it was read")
    }

    /// The tool, by the server's name for it.
    pub fn tool(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.as_str().split_once('/').expect("it was checked when it was read")
    }
}

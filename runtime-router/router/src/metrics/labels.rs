//! The labels of the metrics. Each has few values, and none is a host, a path, a name or anything else that an agent chooses.
//!
//! Not here: what is labelled.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::refusal::Refusal;

use super::catalog::{Label, LabelValue, Labelled, Values};

/// Declares an enumeration whose values are labels.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name { $($(#[doc = $variant_doc])+ $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in logs, metrics and the audit log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl LabelValue for $name {
            const VALUES: Values = Values::These(&[$($text),+]);
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                self.as_str().encode(encoder)
            }
        }
    };
}

/// Declares the value of a label that is a word of a list which stands elsewhere.
macro_rules! listed {
    ($(#[doc = $doc:literal])+ $name:ident($inner:ty) = $of:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Eq, Hash, PartialEq)]
        pub(super) struct $name(pub(super) $inner);

        impl LabelValue for $name {
            const VALUES: Values = Values::Of($of);
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                self.0.encode(encoder)
            }
        }
    };
}

/// Declares a set of labels.
macro_rules! labels {
    ($($(#[doc = $doc:literal])+ $name:ident { $($label:ident: $value:ty),+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
        pub(super) struct $name { $(pub(super) $label: $value),+ }

        impl Labelled for $name {
            const LABELS: &'static [Label] =
                &[$(Label { name: stringify!($label), values: <$value as LabelValue>::VALUES }),+];
        }
    )+};
}

words! {
    /// The way by which a request came.
    Kind {
        /// A tunnel that a client asks the proxy for.
        Connect = "connect",
        /// A plain request that a client sends to the proxy.
        Http = "http",
        /// A TLS connection that was redirected to the proxy.
        TransparentTls = "transparent-tls",
        /// A plain connection that was redirected to the proxy.
        TransparentHttp = "transparent-http",
        /// A name that the agent asks for.
        Dns = "dns",
        /// The fetch API.
        Fetch = "fetch",
        /// The runtime asks whether a tool may be called.
        Evaluate = "evaluate",
        /// A request to a model.
        Inference = "inference",
        /// A call of an MCP server's tool.
        Mcp = "mcp",
        /// A call of a tool that a model's provider hosts.
        Platform = "platform",
        /// A request of the agent API that no rule decides.
        Api = "api",
    }
}

words! {
    /// Which way bytes went.
    Direction {
        /// From the agent to the host.
        Up = "up",
        /// From the host to the agent.
        Down = "down",
    }
}

words! {
    /// A ceiling that was reached.
    Ceiling {
        /// Open connections to the proxy.
        Connections = "connections",
        /// Open connections to the agent API.
        AgentConnections = "agent-connections",
        /// Requests to the agent API that wait for others.
        Waiting = "waiting",
        /// Open connections to probes and metrics.
        AdminConnections = "admin-connections",
        /// The time or size of a request's head.
        Head = "head",
        /// Time without a byte.
        Idle = "idle",
        /// Bytes or time of the fetch API.
        Fetch = "fetch",
        /// Questions to the DNS responder at once.
        Questions = "questions",
        /// Lines of the log of a learning window.
        Learned = "learned",
    }
}

words! {
    /// The first digit of an answer's status.
    Class {
        /// Interim.
        Informational = "1xx",
        /// Done.
        Success = "2xx",
        /// Elsewhere.
        Redirection = "3xx",
        /// The client's fault, or refused.
        ClientError = "4xx",
        /// The router's fault, or another's behind it.
        ServerError = "5xx",
    }
}

words! {
    /// What became of a request to a model.
    Asked {
        /// The provider answered, and the answer passed whole.
        Answered = "answered",
        /// The provider refused it: its status was 4xx.
        Rejected = "rejected",
        /// No candidate answered, or an answer broke off.
        Failed = "failed",
        /// The router refused it: policy, budget, safety floor, or a body that is no request.
        Refused = "refused",
        /// The client left before the answer was complete.
        Abandoned = "abandoned",
    }
}

words! {
    /// What became of one candidate's turn.
    Attempt {
        /// It answered.
        Answered = "answered",
        /// It has too much to do: 429.
        Overloaded = "overloaded",
        /// It failed: 5xx.
        Failed = "failed",
        /// No connection, or it broke.
        Unreachable = "unreachable",
        /// It said nothing in time.
        Late = "late",
        /// It was left alone, as it had failed before.
        LeftAlone = "left-alone",
    }
}

words! {
    /// Whose tokens.
    Side {
        /// Of the prompt.
        Input = "input",
        /// Of the answer.
        Output = "output",
    }
}

words! {
    /// For how long a budget is.
    Period {
        /// A day of UTC.
        Day = "day",
        /// A month of UTC.
        Month = "month",
    }
}

words! {
    /// What became of a call of a tool.
    Called {
        /// The server answered with a result.
        Answered = "answered",
        /// The server answered with an error of the protocol.
        Error = "error",
        /// The router refused it.
        Refused = "refused",
        /// The server did not answer.
        Failed = "failed",
    }
}

words! {
    /// What the DNS responder answered.
    DnsAnswer {
        /// Records.
        Records = "records",
        /// The name is there, and has none of this kind.
        Nothing = "no-data",
        /// There is no such name, as far as the agent may know.
        NoName = "no-name",
        /// The name could not be resolved.
        Failed = "failed",
        /// The question is of a kind that is not answered.
        Refused = "refused",
        /// It is no question.
        Malformed = "malformed",
    }
}

words! {
    /// What became of the spans of a trace.
    Spans {
        /// The collector took them.
        Exported = "exported",
        /// There was no room, as the collector is slower than the agent.
        Dropped = "dropped",
        /// The collector did not take them.
        Failed = "failed",
    }
}

words! {
    /// How far the document is in force.
    State {
        /// It decides.
        Served = "served",
        /// The router has seen itself refuse by it, too.
        Enforced = "enforced",
    }
}

listed! {
    /// Why something was decided.
    Outcome(&'static str) = "`allowed`, a reason of the policy, or a code of a refusal"
}
listed! {
    /// What a refusal says.
    Code(&'static str) = "a code of a refusal"
}
listed! {
    /// What became of a document.
    LoadOutcome(&'static str) = "`served`, `not-enforced`, or why a document is refused, as `kars-router check` says"
}
listed! {
    /// A route of the agent API.
    RouteName(&'static str) = "a route of the agent API, or `unknown`"
}
listed! {
    /// Who serves a model.
    ProviderName(&'static str) = "a provider that the contract knows; empty where none was reached"
}
listed! {
    /// How the document calls a model.
    Model(String) = "a key of the document's `inference.routes`; empty where none was reached"
}
listed! {
    /// How the document calls an MCP server.
    Server(String) = "a key of the document's `mcp`; empty where it has no such server"
}
listed! {
    /// A tool that a provider hosts.
    HostedTool(&'static str) = "a tool of `/platform/mcp`"
}
listed! {
    /// Who exchanges.
    Issuer(String) = "the entry of the document's `infra` that is asked"
}
listed! {
    /// What became of an exchange.
    ExchangeOutcome(&'static str) = "`issued`, `refused`, `unreachable`, `malformed` or `nothing-to-show`"
}
listed! {
    /// The digest of the document.
    DigestText(String) = "the digest of the document that is served"
}

labels! {
    /// Labels of a decision.
    Decided { kind: Kind, outcome: Outcome }
    /// Labels of a refusal.
    Denied { kind: Kind, code: Code }
    /// Labels of bytes.
    Moved { direction: Direction }
    /// Labels of a ceiling that was reached.
    Reached { limit: Ceiling }
    /// Labels of a document that was read.
    Loaded { outcome: LoadOutcome }
    /// Labels of something that came one way.
    By { kind: Kind }
    /// Labels of a request to the agent API.
    Requested { route: RouteName, status: Class }
    /// Labels of a request to a model.
    Inferred { provider: ProviderName, model: Model, outcome: Asked }
    /// Labels of a candidate's turn.
    Attempted { provider: ProviderName, model: Model, outcome: Attempt }
    /// Labels of tokens.
    Counted { provider: ProviderName, model: Model, direction: Side }
    /// Labels of how long a model took.
    OfModel { provider: ProviderName, model: Model }
    /// Labels of a candidate.
    Candidate { model: Model }
    /// Labels of a budget.
    Budgeted { period: Period }
    /// Labels of a call.
    CalledAt { server: Server, outcome: Called }
    /// Labels of a call of a hosted tool.
    CalledHosted { tool: HostedTool, outcome: Called }
    /// Labels of an exchange.
    Exchanged { issuer: Issuer, outcome: ExchangeOutcome }
    /// Labels of how long a server took.
    OfServer { server: Server }
    /// Labels of an answer about a name.
    Resolved { answer: DnsAnswer }
    /// Labels of spans.
    Traced { outcome: Spans }
    /// Labels of the document.
    Served { digest: DigestText, state: State }
}

impl Called {
    /// What became of a call that ended with this instead of an answer.
    #[must_use]
    pub fn without(refusal: &Refusal) -> Self {
        if refusal.status().is_server_error() { Self::Failed } else { Self::Refused }
    }
}

impl Class {
    /// The class of a status.
    #[must_use]
    pub fn of(status: hyper::StatusCode) -> Self {
        match status.as_u16() / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

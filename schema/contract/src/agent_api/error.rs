//! The one shape of an error and every code it can carry. Not here: the families that inference clients expect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::RuleId;
use crate::origins::Origin;
use crate::permits::Reason;

/// The body of every refusal and failure.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorReply {
    /// What happened.
    pub error: ErrorDetail,
}

/// What happened, why, and what to do.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ErrorDetail {
    /// The stable code.
    pub code: ErrorCode,
    /// One sentence that names the thing.
    pub message: String,
    /// The rule that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// Where in the scenario that rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Milliseconds after which the same request may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorDetail {
    /// An error with the help that belongs to its code, and no rule.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let help = Some(code.help().to_owned());
        Self { code, message: message.into(), rule: None, origin: None, help, retry_after_ms: None }
    }
}

/// Declares the codes: name, text, HTTP status, help.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $help:literal;)+) => {
        /// Why a request was refused or failed. The texts are stable: programs compare them.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The text of the code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status of a reply that carries it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What to do about it.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)+ }
            }
        }
    };
}

error_codes! {
    /// A rule denies the tool call, or the tool is not granted.
    PolicyDenied = "policy.denied", 403, "change `tools` or `rules` of the scenario, or do without the call";
    /// Somebody has to approve the call first, and nobody can here.
    PolicyApprovalRequired = "policy.approval_required", 403, "write the approved case as a rule of the scenario";
    /// A rule's limit is used up.
    PolicyLimited = "policy.limited", 429, "wait, or raise the limit in `rules` of the scenario";
    /// The router could not be asked, so nothing is allowed.
    PolicyUnreachable = "policy.unreachable", 503, "look at the router's log; the call may be tried again";
    /// The router holds no policy that it may serve: unsigned, tampered with, ended or rolled back.
    PolicyUnavailable = "policy.unavailable", 503, "`kars-router ctl status` says why; deliver a signed bundle that is in force";
    /// The host or port is not listed, or its rule has ended.
    EgressDenied = "egress.denied", 403, "add the host to `egress` of the agent in the scenario";
    /// The name leads to an address that no agent may reach.
    EgressSpecialUse = "egress.special_use", 403, "the name must have public addresses only; peers are reached over links";
    /// The name has no address.
    EgressUnresolved = "egress.unresolved", 502, "check the spelling of the host, then the cluster's resolver";
    /// The host took too long to accept a connection.
    EgressConnectTimeout = "egress.connect_timeout", 504, "the host may be down, or a network policy may lack the port";
    /// The host refused the connection or broke it.
    EgressUnreachable = "egress.unreachable", 502, "the host may be down, or its certificate may be wrong";
    /// The answer is larger than the fetch API takes.
    EgressTooLarge = "egress.too_large", 502, "fetch a smaller part, or download through the proxy";
    /// The agent may not use the model.
    ModelNotAllowed = "model.not_allowed", 403, "`GET /v1/models` lists the models of this agent";
    /// The agent has used up its tokens.
    BudgetExceeded = "budget.exceeded", 429, "wait for the next day or month, or raise `budget` in the scenario";
    /// The count of used tokens cannot be trusted, so none are given.
    BudgetUnavailable = "budget.unavailable", 503, "`kars-router ctl budgets` says why; the state volume may be damaged";
    /// The provider's filter or the safety floor blocked it.
    SafetyBlocked = "safety.blocked", 403, "rephrase the request; the floor is `safety` of the model in the scenario";
    /// No candidate of the model answers.
    UpstreamUnavailable = "upstream.unavailable", 503, "try again later, or add a `fallback` to the model in the scenario";
    /// The service answered, but not usefully.
    UpstreamFailed = "upstream.failed", 502, "the message quotes the service";
    /// The service does not take the router's credential.
    UpstreamDenied = "upstream.denied", 502, "check `credential` of the model in the scenario, and what its identity may do there";
    /// The service took too long.
    UpstreamTimeout = "upstream.timeout", 504, "try again, or ask for less at once";
    /// No model of the agent has a provider that hosts the tool.
    PlatformUnsupported = "platform.unsupported_for_provider", 501, "give the agent a model whose provider hosts the tool";
    /// The memory store is not there, and the router may not create it.
    MemoryStoreMissing = "memory.store_missing", 404, "create the store at the provider, or write `create` at the memory in the scenario";
    /// There is no agent of this name.
    MeshPeerUnknown = "mesh.peer_unknown", 404, "`GET /kars/v1/mesh/peers` lists the agents of this scenario";
    /// No link carries it.
    MeshNotLinked = "mesh.not_linked", 403, "add the pair to `links` of the scenario";
    /// The link does not carry this file.
    MeshFileDenied = "mesh.file_denied", 403, "add the path to `files` of the link in the scenario";
    /// The file is missing, no regular file, or not readable.
    MeshFileUnreadable = "mesh.file_unreadable", 400, "name a regular file below the agent's home folder";
    /// The message or file is too large.
    MeshTooLarge = "mesh.too_large", 413, "send less, or a file instead of a message";
    /// The peer's inbox is full.
    MeshInboxFull = "mesh.inbox_full", 429, "wait until the peer has read its messages";
    /// The peer did not take it in time.
    MeshTimeout = "mesh.timeout", 504, "the peer may be busy or down; `GET /kars/v1/mesh/peers` tells";
    /// The relay or the registry is not reachable.
    MeshUnavailable = "mesh.unavailable", 503, "try again; the relay of the scenario may be starting";
    /// No child of this name is declared.
    SpawnNotDeclared = "spawn.not_declared", 403, "add the agent with `parent:` to the scenario; nothing else can be spawned";
    /// The child is declared, but not in the mesh yet.
    SpawnNotReady = "spawn.not_ready", 503, "ask for its state again; its pod may be starting";
    /// The child runs from the start and is not stopped by its parent.
    SpawnWarm = "spawn.warm", 409, "nothing to do: a declared child keeps running until the scenario drops it";
    /// The agent does not have the MCP server.
    McpServerUnknown = "mcp.server_unknown", 404, "add the server to `mcp` of the agent in the scenario";
    /// A required argument or field is missing.
    ArgsMissing = "args.missing", 400, "the message names the field";
    /// An argument or field has a wrong value.
    ArgsWrong = "args.wrong", 400, "the message names the field and what it takes";
    /// There is no such route.
    RouteUnknown = "route.unknown", 404, "the router serves only its agent API";
    /// The route exists, but not for this method.
    RouteMethod = "route.method", 405, "the `allow` header lists the methods";
    /// The `host` or `origin` header is not the router's.
    RequestForeign = "request.foreign", 403, "call the router as 127.0.0.1, from the agent and not from a page";
    /// The body is too large.
    RequestTooLarge = "request.too_large", 413, "`kars-router version -o json` lists the limits";
    /// The headers are too large or too many.
    RequestHeadersTooLarge = "request.headers_too_large", 431, "`kars-router version -o json` lists the limits";
    /// Too many requests are under way.
    RequestOverloaded = "request.overloaded", 503, "wait, then send fewer at once";
    /// A plugin could not reach the router.
    RouterUnreachable = "router.unreachable", 503, "look at the router's container; it may be starting";
    /// A fault of the router's own.
    RouterFailed = "router.failed", 500, "look at the router's log and report it";
}

impl ErrorCode {
    /// The code of a refusal; none for a reason that allows.
    #[must_use]
    pub fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::Listed | Reason::Granted | Reason::AllowRule | Reason::Reply | Reason::Learning => None,
            Reason::HostNotPublic | Reason::HostNotListed | Reason::PortNotListed | Reason::RuleEnded => {
                Some(Self::EgressDenied)
            }
            Reason::ToolNotGranted | Reason::DenyRule | Reason::NoAllowRule => Some(Self::PolicyDenied),
            Reason::ServerNotGranted => Some(Self::McpServerUnknown),
            Reason::NotLinked | Reason::ReplyOnly | Reason::NoReplies => Some(Self::MeshNotLinked),
            Reason::FileNotListed => Some(Self::MeshFileDenied),
            Reason::ModelNotAllowed => Some(Self::ModelNotAllowed),
            Reason::ChildNotDeclared => Some(Self::SpawnNotDeclared),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_written_alike_everywhere() {
        let texts: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
            assert!((400..600).contains(&code.status()), "{}", code.as_str());
        }
    }

    #[test]
    fn an_error_has_one_shape() {
        let error = ErrorDetail {
            rule: Some("rules.house[2]".parse().unwrap()),
            origin: Some("scenario.yaml:31:7".parse().unwrap()),
            retry_after_ms: Some(1500),
            ..ErrorDetail::new(ErrorCode::PolicyLimited, "`foundry.search.web_search` has used its 60 calls")
        };
        let expected = json!({"error": {
            "code": "policy.limited",
            "message": "`foundry.search.web_search` has used its 60 calls",
            "rule": "rules.house[2]",
            "origin": "scenario.yaml:31:7",
            "help": "wait, or raise the limit in `rules` of the scenario",
            "retryAfterMs": 1500,
        }});
        assert_eq!(serde_json::to_value(ErrorReply { error }).unwrap(), expected);
    }
}

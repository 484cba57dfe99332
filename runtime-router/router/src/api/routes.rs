//! Every route of the agent API, in one table. What is not in it is unknown. Not here: answers.

use hyper::Method;
use kars_contract::agent_api::{
    ANTHROPIC_MESSAGES, CHAT_COMPLETIONS, COMPLETIONS, EGRESS_ALLOWLIST, EGRESS_FETCH, EMBEDDINGS, EVALUATE, ErrorCode,
    IMAGES, MCP, MESH_AWAIT, MESH_INBOX, MESH_PEERS, MESH_SEND, MESH_TRANSFER, MODELS, PLATFORM_MCP, RESPONSES,
    SIGNING_COUNTER, SPAWN, TRUST,
};

use crate::inference::api::{Api, MESSAGES};
use crate::metrics::Kind;
use crate::refusal::Refusal;

/// What answers a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// Whether a tool call is permitted.
    Evaluate,
    /// One HTTP request to a host.
    Fetch,
    /// The agent's own allowlist.
    Allowlist,
    /// A request to a model.
    Inference(Api),
    /// The models that there are.
    Models,
    /// A message to MCP servers.
    Mcp,
    /// A message about tools that providers host.
    Platform,
    /// Answered, and nothing changes.
    Ignored,
    /// Messages.
    Mesh,
    /// Children.
    Spawn,
}

/// Method, path, answer.
pub const ROUTES: [(Method, &str, Route); 22] = [
    (Method::POST, RESPONSES, Route::Inference(Api::Responses)),
    (Method::POST, CHAT_COMPLETIONS, Route::Inference(Api::ChatCompletions)),
    (Method::POST, COMPLETIONS, Route::Inference(Api::Completions)),
    (Method::POST, EMBEDDINGS, Route::Inference(Api::Embeddings)),
    (Method::POST, IMAGES, Route::Inference(Api::Images)),
    (Method::POST, ANTHROPIC_MESSAGES, Route::Inference(Api::Messages)),
    (Method::POST, MESSAGES, Route::Inference(Api::Messages)),
    (Method::GET, MODELS, Route::Models),
    (Method::POST, MCP, Route::Mcp),
    (Method::POST, PLATFORM_MCP, Route::Platform),
    (Method::POST, EVALUATE, Route::Evaluate),
    (Method::POST, EGRESS_FETCH, Route::Fetch),
    (Method::GET, EGRESS_ALLOWLIST, Route::Allowlist),
    (Method::POST, TRUST, Route::Ignored),
    (Method::POST, SIGNING_COUNTER, Route::Ignored),
    (Method::POST, MESH_SEND, Route::Mesh),
    (Method::POST, MESH_AWAIT, Route::Mesh),
    (Method::POST, MESH_TRANSFER, Route::Mesh),
    (Method::GET, MESH_INBOX, Route::Mesh),
    (Method::GET, MESH_PEERS, Route::Mesh),
    (Method::POST, SPAWN, Route::Spawn),
    (Method::GET, SPAWN, Route::Spawn),
];

impl Route {
    /// Whether the answer comes from somebody else, and so may take its time.
    #[must_use]
    pub fn waits(self) -> bool {
        match self {
            Self::Fetch | Self::Inference(_) | Self::Mcp | Self::Platform | Self::Mesh | Self::Spawn => true,
            Self::Evaluate | Self::Allowlist | Self::Models | Self::Ignored => false,
        }
    }

    /// The word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Fetch => "fetch",
            Self::Allowlist => "allowlist",
            Self::Inference(api) => api.as_str(),
            Self::Models => "models",
            Self::Mcp => "mcp",
            Self::Platform => "platform",
            Self::Ignored => "ignored",
            Self::Mesh => "mesh",
            Self::Spawn => "spawn",
        }
    }

    /// How decisions about it are counted.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Evaluate => Kind::Evaluate,
            Self::Fetch => Kind::Fetch,
            Self::Inference(_) | Self::Models => Kind::Inference,
            Self::Mcp => Kind::Mcp,
            Self::Platform => Kind::Platform,
            Self::Allowlist | Self::Ignored | Self::Mesh | Self::Spawn => Kind::Api,
        }
    }

    /// The route of a request.
    pub fn find(method: &Method, path: &str) -> Result<Self, Refusal> {
        let child =
            path.strip_prefix(SPAWN).and_then(|rest| rest.strip_prefix('/')).is_some_and(|name| !name.contains('/'));
        if child && (method == Method::GET || method == Method::DELETE) {
            return Ok(Self::Spawn);
        }
        if let Some((_, _, route)) = ROUTES.iter().find(|(wanted, known, _)| wanted == method && *known == path) {
            return Ok(*route);
        }
        if child || ROUTES.iter().any(|(_, known, _)| *known == path) {
            return Err(Refusal::new(ErrorCode::RouteMethod, format!("`{path}` does not take {method}")));
        }
        let shown: String = path.chars().take(256).collect();
        Err(Refusal::new(ErrorCode::RouteUnknown, format!("there is no route `{shown}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        for path in [
            "/",
            "/admin/model",
            "/egress/learn",
            "/egress/learned/clear",
            "/agt/rate-limit",
            "/agt/audit",
            "/agt/status",
            "/agt/relay",
            "/agt/registry/v1/agents",
            "/sandbox/spawn",
            "/internal/policy-status",
            "/metrics",
            "/readyz",
            "/agt/evaluate/",
            "//agt/evaluate",
            "/AGT/evaluate",
            "/kars/v1/spawn/a/b",
        ] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                let refusal = Route::find(&method, path).unwrap_err();
                assert_eq!(refusal.code(), ErrorCode::RouteUnknown, "{method} {path}");
            }
        }
        assert_eq!(Route::find(&Method::PUT, EVALUATE).unwrap_err().code(), ErrorCode::RouteMethod);
        assert_eq!(Route::find(&Method::DELETE, "/kars/v1/spawn/child").unwrap(), Route::Spawn);
    }
}

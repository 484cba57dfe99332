//! What the types of a router document cannot promise: parts that must fit together.

use std::collections::BTreeSet;

use crate::document::Inconsistent;
use crate::endpoint::Endpoint;
use crate::guard::GuardParams;
use crate::host::Hostname;
use crate::id::RuleId;
use crate::router::{Effect, Enforcer, Inference, LoopbackUrl, Mesh, MeshIdentity, RouterDocument, TokenIssuer};
use crate::tool::{MCP_PROVIDER, ToolId};

pub(super) fn check(document: &RouterDocument) -> Result<(), Inconsistent> {
    dev(document)?;
    unique_ids(document)?;
    egress(document)?;
    tools(document)?;
    inference(document.inference.as_ref(), document.dev)?;
    mcp(document)?;
    document.mesh.as_ref().map_or(Ok(()), |mesh| self::mesh(mesh, document.dev))?;
    runtime(document)?;
    infra(document)?;
    issuers(document)?;
    if let Some((field, ceiling)) = document.limits.first_wrong() {
        return wrong("limits", format!("has `{field}` outside 1 to {ceiling}"));
    }
    Ok(())
}

fn wrong(at: impl Into<String>, problem: impl Into<String>) -> Result<(), Inconsistent> {
    Err(Inconsistent::new(at, problem))
}

fn dev(document: &RouterDocument) -> Result<(), Inconsistent> {
    if document.learn.is_some() && !document.dev { wrong("learn", "is only allowed in a dev document") } else { Ok(()) }
}

/// Two rules of one name could not be told apart in a refusal.
fn unique_ids(document: &RouterDocument) -> Result<(), Inconsistent> {
    let egress = document.egress.iter().map(|rule| &rule.id);
    let rules = document.rules.iter().map(|rule| &rule.id);
    let mut seen: BTreeSet<&RuleId> = BTreeSet::new();
    match egress.chain(rules).find(|id| !seen.insert(id)) {
        Some(id) => wrong(id.as_str(), "names two rules"),
        None => Ok(()),
    }
}

fn egress(document: &RouterDocument) -> Result<(), Inconsistent> {
    for rule in &document.egress {
        if let Some(channel) = &rule.channel
            && !document.channels.contains_key(channel)
        {
            return wrong(rule.id.as_str(), format!("belongs to channel `{channel}`, which is not declared"));
        }
    }
    Ok(())
}

fn tools(document: &RouterDocument) -> Result<(), Inconsistent> {
    let mut seen = BTreeSet::new();
    for granted in &document.tools {
        if granted.tool.provider() == MCP_PROVIDER {
            return wrong("tools", format!("holds `{}`, which only its server can grant", granted.tool));
        }
        if !seen.insert(&granted.tool) {
            return wrong("tools", format!("holds `{}` twice", granted.tool));
        }
        if granted.enforced == Enforcer::Router && granted.tool.enforcer() == Enforcer::Runtime {
            return wrong(
                "tools",
                format!("claims that the router enforces `{}`, which never passes it", granted.tool),
            );
        }
    }
    for rule in &document.rules {
        if rule.enforced == Enforcer::Router && rule.tool.enforcer() == Enforcer::Runtime {
            return wrong(rule.id.as_str(), "claims that the router enforces calls that never pass it");
        }
        if matches!(rule.effect, Effect::Limit { per_seconds: 0, .. }) {
            return wrong(rule.id.as_str(), "limits calls in no time");
        }
        for (argument, matcher) in &rule.when.args {
            if !matcher.is_meaningful() {
                return wrong(rule.id.as_str(), format!("has a matcher for `{argument}` that nothing fits"));
            }
        }
    }
    Ok(())
}

fn inference(inference: Option<&Inference>, dev: bool) -> Result<(), Inconsistent> {
    let Some(Inference { default, allowed, routes }) = inference else { return Ok(()) };
    for (name, route) in routes {
        outside(&route.endpoint, &format!("inference.routes.{name}.endpoint"), dev)?;
    }
    let mut names = BTreeSet::new();
    for model in allowed {
        if model.candidates.is_empty() {
            return wrong(model.id.as_str(), "has no route to try");
        }
        if let Some(lost) = model.candidates.iter().find(|name| !routes.contains_key(*name)) {
            return wrong(model.id.as_str(), format!("tries `{lost}`, which has no route"));
        }
        if let Some(double) = model.names.iter().find(|name| !names.insert(*name)) {
            return wrong(model.id.as_str(), format!("allows `{double}`, which another rule allows already"));
        }
    }
    if names.contains(default) {
        Ok(())
    } else {
        wrong("inference.default", format!("is `{default}`, which is not allowed"))
    }
}

fn mcp(document: &RouterDocument) -> Result<(), Inconsistent> {
    for (name, server) in &document.mcp {
        outside(&server.url, &format!("mcp.{name}.url"), document.dev)?;
        if let Some(tool) = server.tools.iter().find(|tool| ToolId::mcp(name, tool).is_err()) {
            return wrong(format!("mcp.{name}.tools"), format!("holds `{tool}`, which is no name of a tool"));
        }
    }
    Ok(())
}

/// Services outside the cluster are reached by a public name over TLS; a dev document may name a local stand-in.
fn outside(endpoint: &Endpoint, at: &str, dev: bool) -> Result<(), Inconsistent> {
    if dev || (endpoint.scheme().is_tls() && endpoint.public_host().is_some()) {
        return Ok(());
    }
    wrong(at, format!("is `{endpoint}`; outside dev it must be `https://` and a public host name"))
}

fn mesh(mesh: &Mesh, dev: bool) -> Result<(), Inconsistent> {
    if !dev && mesh.identity == MeshIdentity::Anonymous {
        return wrong("mesh.identity", "is `anonymous`, which only a dev document may be");
    }
    let peers = mesh.outgoing.keys().chain(mesh.incoming.keys());
    for peer in peers {
        let pinned = mesh.keys.get(peer).is_some_and(|keys| !keys.is_empty());
        if pinned != (mesh.identity == MeshIdentity::Pinned) {
            return wrong(format!("mesh.keys.{peer}"), "must hold keys with `pinned` identity, and none otherwise");
        }
    }
    Ok(())
}

fn runtime(document: &RouterDocument) -> Result<(), Inconsistent> {
    let GuardParams { api, proxy, dns, admin, loopback_ports, agent_uid, router_uid, ip_families } = &document.guard;
    let own = BTreeSet::from([*api, *proxy, *dns, *admin]);
    if own.len() < 4 || own.intersection(loopback_ports).next().is_some() {
        return wrong("guard", "gives one port to two listeners");
    }
    if agent_uid == router_uid || *agent_uid == 0 || *router_uid == 0 {
        return wrong("guard", "must run agent and router as two users, neither of them root");
    }
    if ip_families.is_empty() {
        return wrong("guard.ipFamilies", "is empty");
    }
    let prompt = document.respond.prompt.as_ref().map(|prompt| &prompt.url);
    let urls = [("runtime.probe", document.runtime.probe.as_ref()), ("respond.prompt", prompt)];
    for (at, url) in urls {
        if let Some(LoopbackUrl { port, path }) = url
            && (own.contains(port) || !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return wrong(at, "must name a port of the runtime and a path that begins with `/`");
        }
    }
    Ok(())
}

fn infra(document: &RouterDocument) -> Result<(), Inconsistent> {
    for (name, destination) in &document.infra {
        if destination.ports.is_empty() || (destination.host.is_none() && destination.cidr.is_none()) {
            return wrong(format!("infra.{name}"), "needs a port, and a host or a range of addresses");
        }
    }
    Ok(())
}

/// What is shown in exchange for a token goes to its issuer: over TLS to a public name, or to the node. A dev document may name a
/// stand-in.
fn issuers(document: &RouterDocument) -> Result<(), Inconsistent> {
    for (route, model) in document.inference.iter().flat_map(|inference| &inference.routes) {
        let Some(issuer) = TokenIssuer::of(Some(model.provider), &model.credential) else { continue };
        let at = || format!("infra.{}", issuer.name());
        let Some(named) = document.infra.get(&issuer.name()) else {
            return wrong(at(), format!("is missing; `inference.routes.{route}` is shown a token from there"));
        };
        let host = named.host.as_ref().and_then(|host| Hostname::parse(host.as_str()).ok());
        let fits = if issuer == TokenIssuer::Node { *named == issuer.destination() } else { host.is_some() };
        if !document.dev && !fits {
            return wrong(
                at(),
                "is not where that issuer is: outside dev it is a public host, or the node's own address",
            );
        }
    }
    Ok(())
}

//! One document, compiled once, asked often. Not here: how each kind of request is decided.

use std::collections::BTreeMap;

use crate::host::Hostname;
use crate::id::RuleId;
use crate::instant::Instant;
use crate::matcher::egress::EgressIndex;
use crate::matcher::mesh;
use crate::matcher::tools::ToolPolicy;
use crate::name::{ModelName, Name, Port};
use crate::permits::{Arguments, Decision, Reason, Request};
use crate::router::{Enforcer, Mesh, RouterDocument};
use crate::tool::ToolId;

/// What a router document permits.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(super) egress: EgressIndex,
    pub(super) tools: ToolPolicy,
    servers: BTreeMap<Name, RuleId>,
    mesh: Option<Mesh>,
    models: BTreeMap<ModelName, RuleId>,
    children: BTreeMap<Name, RuleId>,
}

impl Policy {
    /// Compiles a document.
    #[must_use]
    pub fn new(document: &RouterDocument) -> Self {
        let mut models = BTreeMap::new();
        for allowed in document.inference.iter().flat_map(|inference| &inference.allowed) {
            models.extend(allowed.names.iter().map(|name| (name.clone(), allowed.id.clone())));
        }
        Self {
            egress: EgressIndex::new(&document.egress, document.learn.as_ref()),
            tools: ToolPolicy::new(document),
            servers: document.mcp.iter().map(|(name, server)| (name.clone(), server.id.clone())).collect(),
            mesh: document.mesh.clone(),
            models,
            children: document.children.iter().map(|(name, child)| (name.clone(), child.id.clone())).collect(),
        }
    }

    /// Decides a request at a moment. Nothing but the document and the arguments decides.
    #[must_use]
    pub fn permits(&self, request: &Request<'_>, now: Instant) -> Decision {
        let mesh = self.mesh.as_ref();
        match *request {
            Request::Egress { host, port } => self.egress.decide(host, port, now),
            Request::Tool { id, args } => self.tools.decide(id, args),
            Request::Mcp { server, tool, args } => self.mcp(server, tool, args),
            Request::Mesh { to, reply } => mesh::send(mesh, to, reply),
            Request::MeshFile { to, path } => mesh::send_file(mesh, to, path),
            Request::MeshReceive { from, reply } => mesh::receive(mesh, from, reply),
            Request::MeshReceiveFile { from, path } => mesh::receive_file(mesh, from, path),
            Request::Model { name } => listed(self.models.get(name), Reason::ModelNotAllowed),
            Request::Spawn { name } => listed(self.children.get(name), Reason::ChildNotDeclared),
        }
    }

    /// Whether the agent may reach this host on any port at all, and so may know its addresses.
    #[must_use]
    pub fn reaches(&self, host: &Hostname, now: Instant) -> Decision {
        self.egress.decide_name(host, now)
    }

    /// Decides a connection to a host as somebody wrote it, which may be one that no rule can name.
    #[must_use]
    pub fn permits_host(&self, host: &str, port: Port, now: Instant) -> Decision {
        match Hostname::parse(host) {
            Ok(host) => self.permits(&Request::Egress { host: &host, port }, now),
            Err(_) => Decision::new(Reason::HostNotPublic, None, Enforcer::Router),
        }
    }

    fn mcp(&self, server: &Name, tool: &str, args: &Arguments) -> Decision {
        let Some(rule) = self.servers.get(server) else { return listed(None, Reason::ServerNotGranted) };
        match ToolId::mcp(server, tool) {
            Ok(id) => self.tools.decide(&id, args),
            Err(_) => Decision::new(Reason::ToolNotGranted, Some(rule), Enforcer::Router),
        }
    }
}

fn listed(rule: Option<&RuleId>, otherwise: Reason) -> Decision {
    let reason = if rule.is_some() { Reason::Listed } else { otherwise };
    Decision::new(reason, rule, Enforcer::Router)
}

//! `POST /platform/mcp`: the tools that the provider of the agent's model hosts, as one MCP server. Each call is decided by the
//! rules on tools, paid for like any request to a model, and ends in time.
//!
//! Not here: servers of others (`mcp`), and what administers a provider, which no agent is offered.

mod catalog;
mod content;
mod failure;
mod image;
mod memory;
mod response;
mod service;
mod wanted;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::{self, Arguments};
use kars_contract::router::{Dialect, Provider, Route, RouterDocument};
use kars_kit::clock::now;
use kars_kit::http::Body;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::sleep;

use crate::api::body::read;
use crate::dial::Dial;
use crate::gate::{Gate, Permit};
use crate::inference::forward::Forward;
use crate::mcp::message;
use crate::mcp::server::{self, Call, Message};
use crate::metrics::{Called, Kind};
use crate::refusal::{Refusal, shown};
pub use catalog::{Described, HostedTool};
use content::Content;
use wanted::Wanted;

/// Calls hosted tools.
#[derive(Debug)]
pub struct Platform<D> {
    gate: Gate,
    forward: Arc<Forward<D>>,
}

#[derive(Serialize)]
struct Tools {
    tools: Vec<Described>,
}

impl<D: Dial> Platform<D> {
    /// Calls them with what models are asked with.
    #[must_use]
    pub fn new(gate: Gate, forward: Arc<Forward<D>>) -> Self {
        Self { gate, forward }
    }

    /// Answers one message.
    pub async fn answer(&self, mut request: Box<Request<Incoming>>) -> Result<Response<Body>, Refusal> {
        if let Some(response) = server::not_acceptable(request.headers()) {
            return Ok(response);
        }
        let bytes = read(request.body_mut(), server::LARGEST).await?;
        let generation = self.gate.current().in_force(now())?;
        let answer = match server::read(&bytes) {
            Message::Answered(response) => return Ok(response),
            Message::List(id) => message::result(Some(id), offered(generation.document())),
            Message::Call(id, call) => self.call(id, &call).await,
        };
        Ok(server::json(StatusCode::OK, answer))
    }

    async fn call(&self, id: &RawValue, call: &Call) -> Vec<u8> {
        let Some(tool) = HostedTool::named(&call.name) else {
            let name = shown(&call.name);
            let refusal = Refusal::new(ErrorCode::PolicyDenied, format!("`{name}` is no tool that a provider hosts"));
            self.gate.refused(Kind::Platform, name, &refusal);
            return server::refused(id, &refusal);
        };
        let called = self.called(tool, &call.arguments).await;
        let outcome = called.as_ref().map_or_else(Called::without, |_| Called::Answered);
        self.gate.metrics().called_hosted(tool.name(), outcome);
        match called {
            Ok(content) => message::result(Some(id), content),
            Err(refusal) => {
                self.gate.metrics().refused(Kind::Platform, refusal.code());
                server::refused(id, &refusal)
            }
        }
    }

    async fn called(&self, tool: HostedTool, arguments: &Arguments) -> Result<Content, Refusal> {
        let id = tool.id();
        let request = permits::Request::Tool { id: &id, args: arguments };
        let permit = self.gate.decide(Kind::Platform, &id, &request)?;
        let patience = tool.patience();
        let outcome = tokio::select! {
            outcome = self.carry_out(tool, arguments, &permit) => outcome,
            () = permit.revoked(self.gate.current().clone(), &request) => {
                Err(Refusal::new(ErrorCode::PolicyDenied, format!("`{}` is no longer allowed", tool.name())))
            }
            () = sleep(patience) => {
                let message = format!("`{}` has not ended after {} s", tool.name(), patience.as_secs());
                Err(Refusal::new(ErrorCode::UpstreamTimeout, message))
            }
        };
        outcome.map_err(|refusal| self.gate.undone(Kind::Platform, &id, &permit, refusal))
    }

    async fn carry_out(&self, tool: HostedTool, arguments: &Arguments, permit: &Permit) -> Result<Content, Refusal> {
        let wanted = Wanted::read(tool, arguments)?;
        let generation = permit.generation();
        let route = serving(generation.document(), tool).ok_or_else(|| unsupported(tool))?;
        match wanted {
            Wanted::Response(asked) => response::ask(&self.forward, generation, tool, &asked).await,
            Wanted::Image(prompt) => image::draw(&self.forward, generation, route, &prompt).await,
            Wanted::Memory(operation) => memory::work(&self.forward, generation, route, &operation).await,
        }
    }
}

/// The tools that the agent has and its provider hosts.
fn offered(document: &RouterDocument) -> Tools {
    let has = |tool: &HostedTool| {
        let id = tool.id();
        document.tools.iter().any(|granted| granted.tool == id) && serving(document, *tool).is_some()
    };
    Tools { tools: HostedTool::ALL.into_iter().filter(has).map(HostedTool::described).collect() }
}

/// The first route of the agent's own model whose provider hosts the tool.
fn serving(document: &RouterDocument, tool: HostedTool) -> Option<&Route> {
    let inference = document.inference.as_ref()?;
    let model = inference.allowed.iter().find(|model| model.names.contains(&inference.default))?;
    let mut routes = model.candidates.iter().filter_map(|name| inference.routes.get(name));
    routes.find(|route| hosts(route, tool))
}

/// Whether a route's provider hosts the tool, and can be asked for it.
fn hosts(route: &Route, tool: HostedTool) -> bool {
    route.provider == Provider::AzureFoundry && (!tool.is_response() || route.offers(Dialect::Responses))
}

fn unsupported(tool: HostedTool) -> Refusal {
    let message = format!("`{}` is hosted by no provider of the agent's model", tool.name());
    Refusal::new(ErrorCode::PlatformUnsupported, message)
}

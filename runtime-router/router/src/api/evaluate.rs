//! `POST /agt/evaluate`: whether a tool call is permitted. Any question is answered with 200, also one about a tool that nobody
//! has; only `allowed: true` permits. Not here: the rules.

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use kars_contract::agent_api::ErrorCode;
use kars_contract::agent_api::evaluate::{EvaluateReply, EvaluateRequest, Verdict};
use kars_contract::permits::{self, Arguments, Reason};
use kars_contract::router::Enforcer;
use kars_contract::tool::ToolId;
use kars_kit::clock::now;
use kars_kit::http::{Body, reply};

use super::{JSON, body};
use crate::gate::{Gate, Metering};
use crate::metrics::Kind;
use crate::refusal::Refusal;
use crate::tools::of_action;

/// Bytes of a question: arguments may hold a file that is to be written.
const LARGEST: usize = 10 * 1024 * 1024;

pub(super) async fn answer(gate: &Gate, mut request: Box<Request<Incoming>>) -> Result<Response<Body>, Refusal> {
    let bytes = body::read(request.body_mut(), LARGEST).await?;
    let question: EvaluateRequest = body::json(&bytes)?;
    let answer = decided(gate, question);
    Ok(reply(StatusCode::OK, JSON, serde_json::to_vec(&answer).expect("its keys are text")))
}

fn decided(gate: &Gate, question: EvaluateRequest) -> EvaluateReply {
    let EvaluateRequest { tool, args, action, context: _, agent_id: _ } = question;
    let (tool, args) = match (tool, action) {
        (Some(tool), None) => (Some(tool), args.unwrap_or_default()),
        (None, Some(action)) => (known(gate, &action), Arguments::new()),
        (Some(_), Some(_)) | (None, None) => (None, Arguments::new()),
    };
    let Some(tool) = tool else {
        let refusal = Refusal::new(ErrorCode::PolicyDenied, "the question names no tool that the agent has");
        gate.refused(Kind::Evaluate, "an unknown tool", &refusal);
        gate.metrics().refused(Kind::Evaluate, refusal.code());
        return refused(&refusal, Some(Reason::ToolNotGranted));
    };
    let request = permits::Request::Tool { id: &tool, args: &args };
    // What passes the router is counted where it passes, whatever the agent says about itself.
    let metering = if tool.enforcer() == Enforcer::Router { Metering::Ask } else { Metering::Count };
    match gate.decide_with(Kind::Evaluate, &tool, metering, &request) {
        Ok(permit) => {
            let decision = permit.decision();
            let origin = decision.rule.as_ref().and_then(|rule| permit.generation().origins().rules.get(rule));
            EvaluateReply {
                allowed: true,
                decision: Verdict::Allow,
                rule: decision.rule.clone(),
                origin: origin.cloned(),
                reason: Some(decision.reason),
                rate_limited: false,
            }
        }
        Err(refusal) => {
            gate.metrics().refused(Kind::Evaluate, refusal.code());
            let generation = gate.current().in_force(now()).ok();
            let reason = generation.map(|generation| generation.policy.permits(&request, now()).reason);
            refused(&refusal, reason.filter(|reason| !reason.allows()))
        }
    }
}

fn known(gate: &Gate, action: &str) -> Option<ToolId> {
    of_action(gate.current().in_force(now()).ok()?.document(), action)
}

fn refused(refusal: &Refusal, reason: Option<Reason>) -> EvaluateReply {
    EvaluateReply {
        allowed: false,
        decision: Verdict::Deny,
        rule: refusal.detail.rule.clone(),
        origin: refusal.detail.origin.clone(),
        reason,
        rate_limited: refusal.code() == ErrorCode::PolicyLimited,
    }
}

//! `GET /egress/allowlist`: what this agent may reach, so that it need not find out by trying. Not here: deciding.

use hyper::{Response, StatusCode};
use kars_contract::EgressAllowlist;
use kars_contract::document::Document;
use kars_kit::clock::now;
use kars_kit::http::{Body, reply};

use super::JSON;
use crate::gate::Gate;
use crate::refusal::Refusal;

pub(super) fn answer(gate: &Gate) -> Result<Response<Body>, Refusal> {
    let generation = gate.current().in_force(now())?;
    Ok(reply(StatusCode::OK, JSON, EgressAllowlist::of(generation.document()).encode()))
}

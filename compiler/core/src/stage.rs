//! What a stage of the pipeline made, as YAML for people. Not here: the stages, and those whose result is the bundle.

mod resolved;

use std::collections::BTreeMap;

use kars_contract::instant::Instant;
use kars_contract::relay::RelayDocument;
use kars_contract::router::RouterDocument;
use kars_scenario::environment::Environment;
use kars_scenario::lock::Lock;
use kars_scenario::scenario::Scenario;
use serde::Serialize;

use crate::check::Checked;
use crate::inspect::{Inspection, inspect, inspect_parsed, inspect_resolved};
use crate::lower::lower;
use crate::parse::{Input, Parsed};
use crate::render::yaml::{to_short_yaml, to_yaml};
use crate::sources::Files;

/// A stage whose result is no file of the bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// What was written, with includes merged in.
    Parsed,
    /// Every default filled in, every name bound.
    Resolved,
    /// The same, once no rule is broken.
    Checked,
    /// The documents of routers and relay.
    Lowered,
}

/// Runs the pipeline up to a stage and prints what that stage made.
pub fn show(stage: Stage, input: &Input, as_of: Instant, files: &dyn Files) -> Inspection<String> {
    match stage {
        Stage::Parsed => inspect_parsed(input, files, |parsed, _, _| Some(self::parsed(parsed))),
        Stage::Resolved => {
            inspect_resolved(input, as_of, files, |resolved, _| Some(to_short_yaml(&resolved::of(&resolved))))
        }
        Stage::Checked => inspect(input, as_of, files, |checked| to_short_yaml(&resolved::of(checked.resolved()))),
        Stage::Lowered => inspect(input, as_of, files, lowered),
    }
}

#[derive(Serialize)]
struct Written<'a> {
    scenario: &'a Scenario,
    environment: &'a Environment,
    lock: Option<&'a Lock>,
}

fn parsed(parsed: &Parsed) -> String {
    let Parsed { scenario, environment, lock, catalog: _, texts: _ } = parsed;
    to_short_yaml(&Written { scenario, environment, lock: lock.as_ref().map(|(_, lock)| lock) })
}

#[derive(Serialize)]
struct Documents<'a> {
    routers: BTreeMap<&'a str, RouterDocument>,
    relay: Option<RelayDocument>,
}

fn lowered(checked: &Checked<'_>) -> String {
    let plan = lower(checked);
    let agents = plan.resolved().agents();
    to_yaml(&Documents {
        routers: agents.map(|agent| (agent.name.as_str(), plan.agent(agent).document)).collect(),
        relay: plan.relay(),
    })
}

//! The judgement of a build: every object by itself, then what all of them let through; and which line of which file each
//! fault comes from. Not here: what is a fault (`posture`, `reach`).

use kars_contract::document::Document;
use kars_contract::router::RouterDocument;
use kars_scenario::agent::Isolation;
use kars_scenario::diagnostic::{Diagnostic, Found};
use kars_scenario::environment::GuardMode;
use kars_scenario::span::Span;

use super::fault::{BLOCKED_FLOW, Fault, UNFENCED_FLOW};
use super::patch::Patches;
use super::posture::{self, Platform, PostureScope};
use super::reach::{self, Expected, Fenced, Relay};
use crate::lower::objects::Planned;
use crate::lower::{AgentPlan, Plan, flows, trust};
use crate::resolve::{Agent, Resolved};

/// What all agents of a scenario are judged by.
pub(super) struct Court {
    platform: Platform,
    relay: Option<Relay>,
}

impl Court {
    /// Reads the environment, and the relay's objects as they are written.
    pub(super) fn of(plan: &Plan<'_>, relay: &[Planned]) -> Self {
        let scenario = plan.resolved();
        let expected = || Expected::of(&[], &flows::into_relay(scenario), &scenario.target.families);
        Self {
            platform: platform(scenario),
            relay: Fenced::of(relay).map(|fenced| Relay { fenced, expected: expected() }),
        }
    }

    /// Judges the objects of one agent.
    pub(super) fn agent(
        &self,
        plan: &AgentPlan<'_, '_>,
        scenario: &Resolved<'_>,
        planned: &[Planned],
        bench: &Bench<'_>,
        found: &mut Found,
    ) {
        let isolation = match plan.agent.isolation {
            Isolation::Standard => "standard",
            Isolation::Enhanced => "enhanced",
            Isolation::Confidential => "confidential",
        };
        let mut faults = self.posture(planned, isolation, false);
        faults.extend(reach::wiring(planned));
        if let Some(fenced) = Fenced::of(planned) {
            let expected = expected(scenario, plan.agent, &plan.document);
            faults.extend(reach::faults(&fenced, &expected));
            faults.extend(self.relay.iter().flat_map(|relay| reach::faults_between(&fenced, &expected, relay)));
        }
        bench.note(faults, planned, plan.agent.name.span, found);
    }

    /// Judges the objects of the relay.
    pub(super) fn mesh(&self, planned: &[Planned], bench: &Bench<'_>, found: &mut Found) {
        let mut faults = self.posture(planned, "standard", true);
        faults.extend(reach::wiring(planned));
        faults.extend(self.relay.iter().flat_map(|relay| reach::faults(&relay.fenced, &relay.expected)));
        bench.note(faults, planned, bench.scenario, found);
    }

    fn posture(&self, planned: &[Planned], isolation: &str, is_mesh: bool) -> Vec<Fault> {
        let scope = PostureScope { platform: &self.platform, isolation, is_mesh };
        planned.iter().flat_map(|planned| posture::faults(&planned.object, &scope)).collect()
    }
}

fn expected(scenario: &Resolved<'_>, agent: &Agent<'_>, document: &RouterDocument) -> Expected {
    Expected::of(
        &flows::out_of_agent(scenario, agent, document),
        &flows::into_agent(scenario),
        &scenario.target.families,
    )
}

fn platform(scenario: &Resolved<'_>) -> Platform {
    let images = &scenario.target.images;
    let pinned = |image: &Option<crate::resolve::Image>| image.iter().map(crate::resolve::Image::pinned).collect();
    let trust = trust::document(scenario.target.environment, scenario.texts, scenario.sources);
    Platform {
        dev: !scenario.is_prod(),
        guarded: scenario.target.guard == GuardMode::Init,
        router_images: pinned(&images.router),
        relay_images: pinned(&images.relay),
        trust: trust.map(|trust| String::from_utf8(trust.encode()).expect("JSON is UTF-8")),
    }
}

/// Where faults come from: the patch of the environment that made an object what it is, else what is written in the scenario.
pub(super) struct Bench<'a> {
    pub(super) patches: &'a Patches<'a>,
    /// Whose objects are judged; none for the relay's.
    pub(super) agent: Option<&'a str>,
    /// The name of the scenario.
    pub(super) scenario: Span,
}

impl Bench<'_> {
    fn note(&self, faults: Vec<Fault>, planned: &[Planned], written: Span, found: &mut Found) {
        for fault in faults {
            found.push(self.diagnostic(fault, planned, written));
        }
    }

    fn diagnostic(&self, fault: Fault, planned: &[Planned], written: Span) -> Diagnostic {
        let Fault { code, subject, message, help } = fault;
        let (kind, name) = subject.split_once('/').unwrap_or((&subject, ""));
        let is_subject = |planned: &&Planned| planned.object.kind() == kind && planned.object.name() == name;
        let behind = |planned: &Planned| Some((planned.object.kind(), self.patches.behind(planned, self.agent)?));
        // Whom pods reach is decided by all objects together: labels, ports and policies.
        let is_of_all = matches!(code, UNFENCED_FLOW | BLOCKED_FLOW);
        let patch = planned
            .iter()
            .find(is_subject)
            .and_then(behind)
            .or_else(|| planned.iter().filter(|_| is_of_all).find_map(behind));
        match patch {
            // Without the object's name, so that what a patch does to every agent is said once.
            Some((kind, patch)) => {
                Diagnostic::error(code, patch, message).label(format!("the {kind} as patched here")).help(help)
            }
            None => Diagnostic::error(code, written, message).label(format!("the {kind} `{name}`")).help(help),
        }
    }
}

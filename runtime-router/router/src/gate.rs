//! The one place where requests are decided: by the document, by the limits, with one line of audit and one count each.
//!
//! Not here: carrying anything out. What is carried out needs a [`Permit`], and only this module makes one.

mod permit;

use std::fmt::Display;
use std::sync::Arc;

use kars_contract::agent_api::ErrorCode;
use kars_contract::decision_log::LoggedDecision;
use kars_contract::permits::{Decision, Policy, Request};
use kars_contract::{Hostname, Instant, Port, RuleId};
use kars_kit::clock::now;

use crate::audit::{Audit, Event, Judged};
use crate::learned::Learned;
use crate::meter::Meter;
use crate::metrics::{Kind, Metrics};
use crate::policy::{Current, Generation};
use crate::refusal::Refusal;
use crate::trace::Tracer;

pub use permit::{Passage, Permit, PermittedName, Revoked};

/// Decides requests. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Gate {
    current: Current,
    meter: Arc<Meter>,
    audit: Audit,
    metrics: Arc<Metrics>,
    learned: Arc<Learned>,
    tracer: Tracer,
}

/// How a decision uses the buckets of its limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Metering {
    /// The call is made now, and counts.
    Count,
    /// Somebody only asks; the call is counted where it passes.
    Ask,
}

impl Gate {
    /// Decides by what is served.
    #[must_use]
    pub fn new(current: Current, audit: Audit, metrics: Arc<Metrics>, learned: Learned, tracer: Tracer) -> Self {
        Self { current, meter: Arc::default(), audit, metrics, learned: Arc::new(learned), tracer }
    }

    /// What is served.
    #[must_use]
    pub fn current(&self) -> &Current {
        &self.current
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Who begins spans.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// The log of decisions.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Decides a request that came by `kind`; `what` names what was wanted, as it is logged and told.
    pub fn decide(&self, kind: Kind, what: impl Display, request: &Request<'_>) -> Result<Permit, Refusal> {
        self.decide_with(kind, what, Metering::Count, request)
    }

    /// The same, where the request may only be a question.
    pub fn decide_with(
        &self,
        kind: Kind,
        what: impl Display,
        metering: Metering,
        request: &Request<'_>,
    ) -> Result<Permit, Refusal> {
        self.judge(kind, &what.to_string(), metering, |policy, now| policy.permits(request, now))
    }

    /// Decides a connection to a host.
    pub fn egress(&self, kind: Kind, host: Hostname, port: Port) -> Result<Passage, Refusal> {
        let request = Request::Egress { host: &host, port };
        let decided = self.decide(kind, format_args!("{host}:{port}"), &request);
        self.learn(&host, port);
        let permit = decided?;
        Ok(Passage { name: PermittedName { permit, host }, port })
    }

    /// Writes down what was decided, while a window for learning is open.
    fn learn(&self, host: &Hostname, port: Port) {
        let now = now();
        let Ok(generation) = self.current.in_force(now) else { return };
        let document = generation.document();
        if document.learn.as_ref().is_some_and(|learn| now < learn.until) {
            let decision = generation.policy.permits(&Request::Egress { host, port }, now);
            let agent = document.identity.agent.clone();
            self.learned.add(&LoggedDecision::egress(now, agent, (host.as_str(), port), &decision));
        }
    }

    /// Decides whether a name may be resolved: whether any port of it may be reached.
    pub fn name(&self, host: Hostname) -> Result<PermittedName, Refusal> {
        let permit = self.judge(Kind::Dns, host.as_str(), Metering::Ask, |policy, now| policy.reaches(&host, now))?;
        Ok(PermittedName { permit, host })
    }

    fn judge(
        &self,
        kind: Kind,
        what: &str,
        metering: Metering,
        decide: impl FnOnce(&Policy, Instant) -> Decision,
    ) -> Result<Permit, Refusal> {
        let (now, began) = (now(), std::time::Instant::now());
        let generation = self.current.in_force(now).inspect_err(|refusal| self.count(kind, refusal.code().as_str()))?;
        let decision = decide(&generation.policy, now);
        let verdict = self.verdict(&generation, &decision, what, metering);
        let logged = self.log(kind, what, &decision, &generation, verdict.as_ref().err());
        self.metrics.decision_seconds.observe(began.elapsed().as_secs_f64());
        logged?;
        verdict?;
        Ok(Permit { generation, decision })
    }

    /// Writes down a request that was refused by something else than a rule, such as one for an address.
    pub fn refused(&self, kind: Kind, what: impl Display, refusal: &Refusal) {
        self.count(kind, refusal.code().as_str());
        let judged = Judged {
            allowed: false,
            reason: refusal.code().as_str(),
            rule: refusal.detail.rule.as_ref().map(ToString::to_string),
            origin: refusal.detail.origin.as_ref().map(ToString::to_string),
        };
        tracing::warn!(kind = kind.as_str(), what = %what, code = refusal.code().as_str(), "refused");
        if !self.audit.record(Event::Decision { kind: kind.as_str(), what: what.to_string(), judged }) {
            tracing::error!("the audit log takes no more lines");
        }
    }

    /// Says of something permitted that it could not be carried out: which rule let it through, and one line and one count.
    pub fn undone(&self, kind: Kind, what: impl Display, permit: &Permit, mut refusal: Refusal) -> Refusal {
        refusal.detail.rule.clone_from(&permit.decision.rule);
        refusal.detail.origin =
            refusal.detail.rule.as_ref().and_then(|rule| permit.generation.origins().rules.get(rule)).cloned();
        self.refused(kind, what, &refusal);
        refusal
    }

    fn verdict(
        &self,
        generation: &Generation,
        decision: &Decision,
        what: &str,
        metering: Metering,
    ) -> Result<(), Refusal> {
        if !decision.allowed {
            let message = format!("`{what}` is refused: {}", decision.reason.as_str());
            return Err(Refusal::by(decision, generation.origins(), message));
        }
        if metering == Metering::Ask {
            return Ok(());
        }
        self.meter.take(&decision.limits).map_err(|full| {
            let mut refusal = Refusal::new(ErrorCode::PolicyLimited, format!("`{what}` has used up its calls"));
            refusal.detail.origin = generation.origins().rules.get(&full.rule).cloned();
            refusal.detail.rule = Some(full.rule);
            refusal.after(u64::try_from(full.after.as_millis()).unwrap_or(u64::MAX))
        })
    }

    /// One line and one count. Where no line can be written, nothing is allowed.
    fn log(
        &self,
        kind: Kind,
        what: &str,
        decision: &Decision,
        generation: &Generation,
        refused: Option<&Refusal>,
    ) -> Result<(), Refusal> {
        let rule: Option<&RuleId> = refused.map_or(decision.rule.as_ref(), |refusal| refusal.detail.rule.as_ref());
        let reason: &'static str = match refused {
            Some(refusal) if decision.allowed => refusal.code().as_str(),
            _ => decision.reason.as_str(),
        };
        let origin = rule.and_then(|rule| generation.origins().rules.get(rule)).map(ToString::to_string);
        self.count(kind, if refused.is_some() { reason } else { "allowed" });
        if refused.is_some() {
            tracing::warn!(
                kind = kind.as_str(),
                what,
                reason,
                rule = rule.map(RuleId::as_str),
                origin = origin.as_deref(),
                "refused"
            );
        }
        let judged = Judged { allowed: refused.is_none(), reason, rule: rule.map(ToString::to_string), origin };
        if self.audit.record(Event::Decision { kind: kind.as_str(), what: what.to_owned(), judged }) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::PolicyUnreachable, "the audit log takes no more lines, so nothing is allowed"))
    }

    fn count(&self, kind: Kind, outcome: &'static str) {
        self.metrics.decided(kind, outcome);
    }
}

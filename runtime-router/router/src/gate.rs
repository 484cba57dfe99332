//! The one place where requests are decided: by the document, by the limits, with one line of audit and one count each.
//!
//! Not here: carrying anything out. What is carried out needs a [`Permit`], and only this file makes one.

use std::fmt::Display;
use std::sync::Arc;

use kars_contract::agent_api::ErrorCode;
use kars_contract::permits::{Decision, Request};
use kars_contract::{Instant, RuleId};
use kars_kit::clock::now;

use crate::audit::{Audit, Event, Judged};
use crate::meter::Meter;
use crate::metrics::{Kind, Metrics};
use crate::policy::{Current, Generation};
use crate::refusal::Refusal;

/// Decides requests. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Gate {
    current: Current,
    meter: Arc<Meter>,
    audit: Audit,
    metrics: Arc<Metrics>,
}

/// A request that may be carried out, by the generation that admitted it.
#[derive(Clone, Debug)]
pub struct Permit {
    generation: Arc<Generation>,
    decision: Decision,
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
    pub fn new(current: Current, audit: Audit, metrics: Arc<Metrics>) -> Self {
        Self { current, meter: Arc::default(), audit, metrics }
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
        let what = what.to_string();
        let generation =
            self.current.in_force(now()).inspect_err(|refusal| self.count(kind, refusal.code().as_str()))?;
        let decision = generation.policy.permits(request, now());
        let verdict = self.verdict(&generation, &decision, &what, metering);
        self.log(kind, &what, &decision, &generation, verdict.as_ref().err())?;
        verdict?;
        Ok(Permit { generation, decision })
    }

    /// Writes down a request that was refused before any rule was asked, such as one for an address.
    pub fn refused(&self, kind: Kind, what: impl Display, refusal: &Refusal) {
        self.count(kind, refusal.code().as_str());
        let judged = Judged { allowed: false, reason: refusal.code().as_str(), rule: None, origin: None };
        tracing::warn!(kind = kind.as_str(), what = %what, code = refusal.code().as_str(), "refused");
        if !self.audit.record(Event::Decision { kind: kind.as_str(), what: what.to_string(), judged }) {
            tracing::error!("the audit log takes no more lines");
        }
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
        let reason = match refused {
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

    fn count(&self, kind: Kind, outcome: &str) {
        self.metrics.decided(kind, outcome);
    }
}

impl Permit {
    /// The generation that admitted the request.
    #[must_use]
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// What was decided.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whether what is served now would still admit the request. What lasts asks again.
    #[must_use]
    pub fn holds(&self, current: &Current, request: &Request<'_>, now: Instant) -> bool {
        current.in_force(now).is_ok_and(|generation| generation.policy.permits(request, now).allowed)
    }
}

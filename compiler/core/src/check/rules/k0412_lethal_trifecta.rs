//! K0412: an agent that holds private data, takes in untrusted input, over links too, and has a way out. Not here: what
//! gives an agent each of them (`resolve::Flows`).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::egress::FlowLabel;

use crate::check::Rule;
use crate::resolve::{Agent, Flows, Reach, Resolved, Witness};

pub(super) const RULE: Rule = Rule { code: Code(412), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let flows = Flows::of(scenario);
    for agent in scenario.agents() {
        let name = &agent.name.value;
        let own = |label| flows.own(name, label);
        let (Some(private), Some(way_out)) = (own(FlowLabel::PrivateData), own(FlowLabel::WayOut)) else { continue };
        let Some(reach) = flows.untrusted_to(name) else { continue };
        let first = reach.path.first().map_or(name, |step| step.from);
        let untrusted = flows.own(first, FlowLabel::UntrustedInput).expect("the way starts where the input comes in");
        found.push(trifecta(agent, [private, untrusted, way_out], &reach));
    }
}

fn trifecta(agent: &Agent<'_>, [private, untrusted, way_out]: [&Witness; 3], reach: &Reach<'_>) -> Diagnostic {
    let name = &agent.name.value;
    let message = format!("`{name}` has private data, untrusted input and a way out");
    let mut diagnostic = Diagnostic::error(RULE.code, agent.name.span, message)
        .label("text of strangers can make it send its data away")
        .because(private.span, format!("private data: {}", private.what));
    if reach.path.is_empty() && untrusted == way_out {
        diagnostic = diagnostic.because(way_out.span, format!("untrusted input and way out: {}", way_out.what));
    } else {
        let from = reach.path.first().map_or(name, |step| step.from);
        diagnostic = diagnostic.because(untrusted.span, format!("untrusted input of `{from}`: {}", untrusted.what));
        for step in &reach.path {
            diagnostic = diagnostic.because(step.link, format!("from `{}` to `{}` over this link", step.from, step.to));
        }
        diagnostic = diagnostic.because(way_out.span, format!("way out: {}", way_out.what));
    }
    diagnostic
        .help(format!(
            "take one of the three away, or add an exception for K0412 at `agents.{name}` with owner, reason and date"
        ))
        .at(format!("agents.{name}"))
}

//! K0305: a port that is not for the web. Not here: port 0 (K0310).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::name::Name;
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::{EgressSource, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(305), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        for rule in &agent.egress {
            let EgressSource::Written(written) = rule.source else { continue };
            let ports = written.ports.iter().flatten();
            for port in ports.filter(|port| !matches!(port.value, 80 | 443)) {
                found.push(unusual(port, &agent.name.value));
            }
        }
    }
}

fn unusual(port: &Spanned<u16>, agent: &Name) -> Diagnostic {
    let why = match port.value {
        22 => "SSH carries anything: what goes through it can neither be read nor limited",
        25 | 465 | 587 => "mail leaves from here for anybody",
        53 | 853 => "names are asked of the router alone: a resolver elsewhere is a tunnel",
        _ => "the router sees the host here and not what is said; programs must be told to use its proxy",
    };
    Diagnostic::warning(RULE.code, port.span, format!("port {} is not for the web", port.value))
        .label(why)
        .help(format!("use 443, or add an exception for K0305 at `agents.{agent}`"))
        .at(format!("agents.{agent}"))
}

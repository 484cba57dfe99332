//! K0313: every host of a whole domain, at any depth. Not here: public suffixes, which no pattern may stand on.

use kars_contract::host_pattern::HostPattern;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::{EgressSource, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(313), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for agent in scenario.agents() {
        for rule in agent.egress.iter().filter(|rule| matches!(rule.source, EgressSource::Written(_))) {
            let HostPattern::AnyDepth(base) = rule.host else { continue };
            if base.as_str().matches('.').count() == 1 {
                found.push(
                    Diagnostic::warning(RULE.code, rule.span, format!("`{}` opens a whole domain", rule.host))
                        .label("user pages, redirectors and forgotten hosts are among them")
                        .help(format!("name the hosts, or write `*.{base}` for one label: most sites need no more"))
                        .at(format!("agents.{}", agent.name.value)),
                );
            }
        }
    }
}

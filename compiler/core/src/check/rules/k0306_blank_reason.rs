//! K0306: a reason that says nothing. Not here: whether it is a good one, which reviewers judge.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::resolve::{EgressSource, Resolved};

pub(super) const RULE: Rule = Rule { code: Code(306), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in scenario.agents().flat_map(|agent| &agent.egress) {
        if let EgressSource::Written(written) = rule.source {
            check_text("reason", &written.reason, found);
        }
    }
    for exception in &scenario.scenario.exceptions {
        check_text("reason", &exception.reason, found);
        check_text("owner", &exception.owner, found);
    }
}

fn check_text(field: &str, text: &Spanned<String>, found: &mut Found) {
    if !text.value.chars().any(char::is_alphanumeric) {
        found.push(
            Diagnostic::error(RULE.code, text.span, format!("the {field} is blank"))
                .help("say it so that a reviewer can agree or not"),
        );
    }
}

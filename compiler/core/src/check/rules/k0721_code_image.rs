//! K0721: a runtime that runs own code is given an image, and no other is. Not here: whether the image is pinned (K0701).

use kars_scenario::catalog::CodeUse;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(721), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for runtime in scenario.agents().filter_map(|agent| agent.runtime.as_ref()) {
        let (kind, written) = (runtime.kind(), runtime.written);
        match (runtime.descriptor.capabilities.code, &written.code) {
            (CodeUse::Required, None) => found.push(
                Diagnostic::error(RULE.code, written.span, format!("`{kind}` runs own code, and none is named"))
                    .help("add `code: { image: …, command: […] }`"),
            ),
            (CodeUse::None, Some(code)) => found.push(
                Diagnostic::error(RULE.code, code.image.span, format!("`{kind}` runs no own code"))
                    .because(written.kind.span, "the runtime is chosen here")
                    .help("remove `code`, or use `kind: byo`; the image of a runtime is set in the environment"),
            ),
            _ => {}
        }
    }
}

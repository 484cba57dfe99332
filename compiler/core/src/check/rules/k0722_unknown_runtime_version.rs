//! K0722: a runtime has a version that the catalog knows how to render for. Not here: which version the image holds (K0716).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(722), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for runtime in scenario.agents().filter_map(|agent| agent.runtime.as_ref()) {
        let Some(version) = &runtime.written.version else { continue };
        let known = &runtime.descriptor.versions;
        if known.iter().any(|known| known.value == version.value) {
            continue;
        }
        let kind = runtime.kind();
        let help = if known.is_empty() {
            "remove the version; the image decides what runs".to_owned()
        } else {
            let words: Vec<_> = known.iter().map(|version| format!("`{}`", version.value)).collect();
            format!("use one of {}", words.join(", "))
        };
        found.push(
            Diagnostic::error(RULE.code, version.span, format!("`{kind}` has no version `{}`", version.value))
                .because(runtime.written.kind.span, "the runtime is chosen here")
                .help(help),
        );
    }
}

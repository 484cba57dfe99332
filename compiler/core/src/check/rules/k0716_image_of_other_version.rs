//! K0716: the image of a runtime is that of the version that is rendered for. Not here: versions that are unknown (K0722).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(716), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for runtime in scenario.agents().filter_map(|agent| agent.runtime.as_ref()) {
        let (Some(version), Some(image)) = (runtime.version, &runtime.image) else { continue };
        let Some(tag) = image.tag().filter(|_| runtime.written.code.is_none()) else { continue };
        let known = |text: &str| runtime.descriptor.versions.iter().any(|version| version.as_str() == text);
        if !known(tag) || !known(version.as_str()) || tag == version.as_str() {
            continue;
        }
        let (kind, place) = (runtime.kind(), runtime.written.version.as_ref().map_or(runtime.written.kind.span, |version| version.span));
        found.push(
            Diagnostic::error(RULE.code, place, format!("the image is `{kind}` {tag}, not {version}"))
                .label(format!("files are rendered for {version}"))
                .because(image.span, "this image runs")
                .help(format!("use the version `{tag}`, or add `images.runtimes.{kind}-{version}` to the environment")),
        );
    }
}

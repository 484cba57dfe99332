//! K0703: an environment has an image for everything that is to run there. Not here: images of own code (K0721).

use kars_scenario::catalog::CodeUse;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(703), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let images = &scenario.target.images;
    let name = &scenario.target.environment.metadata.name;
    let mut missing = |span, what: &str, field: &str| {
        found.push(
            Diagnostic::error(RULE.code, span, format!("`{}` has no image for {what}", name.value))
                .help(format!("add `images.{field}` to the environment `{}`", name.value)),
        );
    };
    if images.router.is_none() {
        missing(name.span, "the router", "router");
    }
    if images.relay.is_none() && !scenario.edges.all.is_empty() {
        missing(name.span, "the relay", "relay");
    }
    for runtime in scenario.agents().filter_map(|agent| agent.runtime.as_ref()) {
        let descriptor = runtime.descriptor;
        let own = descriptor.capabilities.code == CodeUse::Required || descriptor.image.as_str() == "router";
        if runtime.image.is_none() && !own {
            let field = format!("runtimes.{}", descriptor.image.value);
            missing(runtime.written.kind.span, &format!("the runtime `{}`", runtime.kind()), &field);
        }
    }
}

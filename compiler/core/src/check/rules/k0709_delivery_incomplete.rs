//! K0709: a delivery engine is told all that it needs. Not here: who may write in which namespace (K0729).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{Delivery, Engine};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(709), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(delivery) = &scenario.target.environment.delivery else { return };
    let engine = match delivery.engine.value {
        Engine::Flux => "flux",
        Engine::Argocd => "argocd",
        Engine::None => return,
    };
    let missing = [
        ("repository", "where bundles are published", delivery.repository.is_none()),
        ("serviceAccount", "who applies them", delivery.service_account.is_none()),
        ("engineVersion", "whether it takes bundles from a registry", delivery.engine.value == Engine::Argocd && delivery.engine_version.is_none()),
    ];
    for (field, what, _) in missing.into_iter().filter(|(_, _, missing)| *missing) {
        found.push(
            Diagnostic::error(RULE.code, delivery.engine.span, format!("delivery with `{engine}` has no `{field}`"))
                .label(format!("it must know {what}"))
                .help(format!("add `delivery.{field}`")),
        );
    }
    shapes(delivery, found);
}

fn shapes(delivery: &Delivery, found: &mut Found) {
    let flux = delivery.engine.value == Engine::Flux;
    if let Some(repository) = &delivery.repository {
        let schemes: &[&str] = if flux { &["oci://"] } else { &["oci://", "https://"] };
        let rest = schemes.iter().find_map(|scheme| repository.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['@', '?', '#', ' ']) || !rest.contains('/')) {
            found.push(
                Diagnostic::error(RULE.code, repository.span, format!("`{}` is no repository of bundles", repository.value))
                    .help(format!("write `{}registry/path` without tag, user or query", schemes.join("registry/path` or `"))),
            );
        }
    }
    if let Some(version) = &delivery.engine_version {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if version.split_once('.').is_none_or(|(major, minor)| !number(major) || !number(minor)) {
            found.push(
                Diagnostic::error(RULE.code, version.span, format!("`{}` is no version of an engine", version.value))
                    .help("write major and minor version, as in `\"2.9\"`"),
            );
        }
    }
}

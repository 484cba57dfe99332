//! K0735: an engine is asked to check what it can check, and a reader is told where it checks nothing. Not here: the routers'
//! own trust, which no engine replaces (K0715).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{Delivery, Engine, Verify};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::lower::delivery::{EngineVersion, is_oci};
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(735), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(delivery) = &scenario.target.environment.delivery else { return };
    let asked = match delivery.engine.value {
        Engine::None => return,
        Engine::Flux => flux(delivery, found),
        Engine::Argocd => argocd(delivery, found),
    };
    if asked || !scenario.is_prod() {
        return;
    }
    let (label, help) = match delivery.engine.value {
        Engine::Flux => ("whoever can write to the registry decides what is applied", "name the public key of the release under `delivery.verify.key`"),
        _ if is_oci(delivery) => (
            "Argo CD reads no signature of an artifact",
            "deliver from Git with `delivery.verify.gpg`, or rely on the routers, which check their own policy",
        ),
        _ => ("whoever can push to the repository decides what is applied", "name the GnuPG keys of those who commit under `delivery.verify.gpg`"),
    };
    found.push(Diagnostic::warning(RULE.code, delivery.engine.span, "the engine checks no signature").label(label).help(help));
}

/// Whether Flux is asked to check signatures.
fn flux(delivery: &Delivery, found: &mut Found) -> bool {
    let Some(verify) = &delivery.verify else { return false };
    for key in &verify.gpg {
        cannot(key, "Flux checks artifacts of a registry, no commits", "name the key of the release under `verify.key`", found);
    }
    let Some(key) = &verify.key else {
        for key in &verify.further {
            cannot(key, "it is a further key, but there is no first", "name it under `verify.key`", found);
        }
        return !verify.gpg.is_empty() || !verify.further.is_empty();
    };
    for further in verify.further.iter().filter(|further| further.value == key.value) {
        cannot(further, "it is `verify.key` already", "remove it", found);
    }
    if let Some(version) = EngineVersion::of(delivery).filter(|version| *version < EngineVersion::FLUX_BUNDLES) {
        let written = delivery.engine_version.as_ref().map_or(key.span, |version| version.span);
        found.push(
            Diagnostic::warning(RULE.code, written, format!("Flux {version} reads only signatures of the older form"))
                .because(key.span, "with this key")
                .help(format!("use {} or later, or publish with `--legacy-signature`", EngineVersion::FLUX_BUNDLES)),
        );
    }
    true
}

/// Whether Argo CD is asked to check signatures.
fn argocd(delivery: &Delivery, found: &mut Found) -> bool {
    let Some(verify) = &delivery.verify else { return false };
    for key in verify.keys() {
        cannot(key, "Argo CD checks no signature of an artifact", "name the GnuPG keys of those who commit under `verify.gpg`", found);
    }
    for key in &verify.gpg {
        if is_oci(delivery) {
            cannot(key, "artifacts of a registry have no commits", "deliver from Git, or remove it", found);
        } else if ![16, 40].contains(&key.len()) || !key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) {
            cannot(key, "this is no id of a GnuPG key", "write the 16 or 40 digits that `gpg --list-keys --keyid-format long` prints", found);
        }
    }
    named(verify)
}

fn named(verify: &Verify) -> bool {
    !verify.gpg.is_empty() || verify.keys().next().is_some()
}

fn cannot(key: &Spanned<String>, why: &str, help: &str, found: &mut Found) {
    let message = format!("the engine cannot check signatures with `{}`", key.value);
    found.push(Diagnostic::error(RULE.code, key.span, message).label(why).help(help));
}

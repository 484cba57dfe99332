//! K0709: a delivery engine is told all that it needs, in a form that it reads. Not here: who may write in which namespace
//! (K0729), and what the engine checks (K0735).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::environment::{Delivery, Engine};
use kars_scenario::span::Spanned;

use crate::check::Rule;
use crate::lower::delivery::{EngineVersion, is_oci};
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(709), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(delivery) = &scenario.target.environment.delivery else { return };
    let engine = match delivery.engine.value {
        Engine::Flux => "flux",
        Engine::Argocd => "argocd",
        Engine::None => return,
    };
    let argocd = delivery.engine.value == Engine::Argocd;
    let missing = [
        ("repository", "where bundles are published", delivery.repository.is_none()),
        ("serviceAccount", "who applies them", delivery.service_account.is_none()),
        ("engineVersion", "whether it takes bundles from a registry", argocd && delivery.engine_version.is_none()),
    ];
    for (field, what, _) in missing.into_iter().filter(|(_, _, missing)| *missing) {
        found.push(
            Diagnostic::error(RULE.code, delivery.engine.span, format!("delivery with `{engine}` has no `{field}`"))
                .label(format!("it must know {what}"))
                .help(format!("add `delivery.{field}`")),
        );
    }
    repository(delivery, found);
    version(delivery, engine, found);
    revision(delivery, found);
    if let Some(secret) = delivery.pull_secret.as_ref().filter(|_| argocd) {
        found.push(
            Diagnostic::error(RULE.code, secret.span, "Argo CD does not log in with a Secret that a bundle names")
                .help("remove `pullSecret`; a repository Secret of its own holds the credentials"),
        );
    }
}

fn repository(delivery: &Delivery, found: &mut Found) {
    let Some(repository) = &delivery.repository else { return };
    let schemes: &[&str] = if delivery.engine.value == Engine::Flux { &["oci://"] } else { &["oci://", "https://"] };
    let rest = schemes.iter().find_map(|scheme| repository.strip_prefix(scheme));
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['@', '?', '#', ' ']) || !rest.contains('/')) {
        found.push(
            Diagnostic::error(RULE.code, repository.span, format!("`{}` is no repository of bundles", repository.value))
                .help(format!("write `{}registry/path` without tag, user or query", schemes.join("registry/path` or `"))),
        );
    }
}

fn version(delivery: &Delivery, engine: &str, found: &mut Found) {
    let Some(written) = &delivery.engine_version else { return };
    let Some(version) = EngineVersion::parse(written) else {
        found.push(
            Diagnostic::error(RULE.code, written.span, format!("`{}` is no version of an engine", written.value))
                .help("write major and minor version, as in `\"2.9\"`"),
        );
        return;
    };
    if !version.is_known(delivery.engine.value) {
        let oldest = EngineVersion::oldest(delivery.engine.value);
        found.push(
            Diagnostic::error(RULE.code, written.span, format!("nothing is written for `{engine}` {version}"))
                .label("its objects have another form, or none is known")
                .help(format!("use {oldest} or a later version of the same major version")),
        );
    } else if delivery.engine.value == Engine::Argocd && is_oci(delivery) && version < EngineVersion::ARGOCD_OCI {
        found.push(
            Diagnostic::error(RULE.code, written.span, format!("Argo CD {version} takes no bundles from a registry"))
                .because(delivery.repository.as_ref().map_or(written.span, |repository| repository.span), "they are here")
                .help(format!("use {} or later, or a Git repository", EngineVersion::ARGOCD_OCI)),
        );
    }
}

/// What is followed fits the kind of repository, and can be written into an object.
fn revision(delivery: &Delivery, found: &mut Found) {
    let oci = is_oci(delivery);
    if let Some(branch) = delivery.branch.as_ref().filter(|_| oci) {
        misplaced(branch, "branch", "a registry has tags, no branches", "name `tag`, or neither, and pin a digest", found);
    }
    if let Some(tag) = delivery.tag.as_ref().filter(|_| !oci && delivery.repository.is_some()) {
        misplaced(tag, "tag", "a bundle in Git is followed by its branch", "name `branch` instead", found);
    }
    if let Some(path) = delivery.path.as_ref().filter(|_| oci) {
        misplaced(path, "path", "a published bundle starts at its root", "remove `path`", found);
    }
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if let Some(tag) = &delivery.tag {
        let starts = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !starts || tag.len() > 128 || !tag.bytes().all(word) || tag.value == "latest" {
            misshaped(tag, "tag", "use letters, digits, dots, dashes and underscores, and another tag than `latest`", found);
        }
    }
    if let Some(branch) = &delivery.branch {
        let parts = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(word);
        if !branch.split('/').all(parts) || branch.contains("..") || branch.ends_with('.') {
            misshaped(branch, "branch", "use letters, digits, dots, dashes and underscores, in parts divided by `/`", found);
        }
    }
    if let Some(path) = &delivery.path {
        let parts = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(word);
        if !path.trim_end_matches('/').split('/').all(parts) {
            misshaped(path, "path in a repository", "name a folder below the root, such as `bundles/brief`", found);
        }
    }
}

fn misplaced(value: &Spanned<String>, field: &str, why: &str, help: &str, found: &mut Found) {
    let message = format!("`{field}` does not go with this repository");
    found.push(Diagnostic::error(RULE.code, value.span, message).label(why).help(help));
}

fn misshaped(value: &Spanned<String>, what: &str, help: &str, found: &mut Found) {
    found.push(Diagnostic::error(RULE.code, value.span, format!("`{}` is no {what}", value.value)).help(help));
}

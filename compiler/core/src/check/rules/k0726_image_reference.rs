//! K0726: an image is named as registries name images. Not here: whether it exists there.

use kars_contract::digest::Digest;
use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(726), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let environment = scenario.target.environment.images.as_ref();
    let ours = environment.into_iter().flat_map(|images| images.router.iter().chain(&images.relay).chain(images.runtimes.values()));
    let runtimes = scenario.scenario.agents.iter().filter_map(|(_, agent)| agent.runtime.as_ref());
    let codes = runtimes.chain(&scenario.scenario.defaults.runtime).filter_map(|runtime| runtime.code.as_ref());
    for image in ours.chain(codes.map(|code| &code.image)) {
        let Some(fault) = fault(image) else { continue };
        found.push(
            Diagnostic::error(RULE.code, image.span, format!("`{}` names no image", image.value))
                .label(fault)
                .help("write `registry/path:tag`, or `registry/path@sha256:` and 64 hexadecimal digits"),
        );
    }
}

fn fault(reference: &str) -> Option<&'static str> {
    let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
    if digest.is_some_and(|digest| digest.parse::<Digest>().is_err()) {
        return Some("a digest is `sha256:` and 64 hexadecimal digits");
    }
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let in_tag = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-']) || !tag.bytes().all(in_tag)) {
        return Some("a tag has letters, digits, dots, dashes and underscores");
    }
    let (registry, rest) = path.split_once('/').filter(|(first, _)| first.contains(['.', ':'])).unwrap_or(("", path));
    let in_path = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.ends_with(|last: char| last.is_ascii_alphanumeric())
            && part.bytes().all(in_path)
    };
    let registry_fits = registry.is_empty() || registry.split([':', '.']).all(is_part);
    (!registry_fits || !rest.split('/').all(is_part))
        .then_some("a path has lower-case letters, digits, and dots, dashes and underscores between them")
}

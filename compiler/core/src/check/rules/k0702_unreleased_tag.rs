//! K0702: an image has the tag of a release, or a digest. Not here: whether production pins it (K0701).

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(702), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for image in scenario.images_in_use().values().filter(|image| !image.reference.contains('@')) {
        let label = match image.tag() {
            Some("latest") => "whatever was pushed last",
            Some(_) => continue,
            None => "without a tag this is `latest`: whatever was pushed last",
        };
        found.push(
            Diagnostic::error(RULE.code, image.span, format!("the image `{}` names no release", image.reference))
                .label(label)
                .help(format!("name a release, as in `{}:1.0.0`, or a digest", image.repository())),
        );
    }
}

//! K0701: in production every image is pinned by digest. Not here: images that are missing (K0703).

use kars_scenario::diagnostic::{Diagnostic, Found};

use crate::check::{Rule, UNPINNED};
use crate::resolve::{Image, Resolved};

pub(super) const RULE: Rule = Rule { code: UNPINNED, check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    if !scenario.is_prod() {
        return;
    }
    for image in scenario.images_in_use().values().filter(|image| image.digest.is_none()) {
        found.push(
            Diagnostic::error(RULE.code, image.span, format!("the image `{}` is not pinned", image.reference))
                .label(reason(scenario, image))
                .help("run `karsc lock`, and commit `karsc.lock`"),
        );
    }
}

/// What the lock has in place of a digest.
fn reason(scenario: &Resolved<'_>, image: &Image) -> String {
    let Some((_, lock)) = scenario.target.lock else { return "there is no `karsc.lock`".to_owned() };
    let mut others = lock.images.keys().filter(|name| name.rsplit_once(':').is_some_and(|(name, _)| name == image.repository()));
    match others.next_back() {
        Some(other) => format!("`karsc.lock` is stale: it pins `{other}`"),
        None => "`karsc.lock` has no digest for it".to_owned(),
    }
}

//! K0708: the cluster is new enough for what is built. Not here: features that one scenario needs.

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(708), check };

/// The oldest minor version: admission policies without a webhook and init containers that keep running are both stable from here on.
const OLDEST: u32 = 30;

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let cluster = scenario.target.environment.cluster.as_ref();
    let Some(version) = cluster.and_then(|cluster| cluster.version.as_ref()) else { return };
    let label = match minor(version) {
        None => "a version is written `1.34`".to_owned(),
        Some(minor) if minor < OLDEST => format!("the oldest that has what is built is `1.{OLDEST}`"),
        Some(_) => return,
    };
    found.push(
        Diagnostic::error(RULE.code, version.span, format!("nothing can be built for Kubernetes `{}`", version.value))
            .label(label)
            .help("name the minor version of the cluster, or upgrade it"),
    );
}

fn minor(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("1.")?;
    let minor: u32 = digits.parse().ok()?;
    (minor.to_string() == digits).then_some(minor)
}

//! K0715: as many keys must sign as there are, at most, and at least one. Not here: what the key files hold.

use std::collections::BTreeMap;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(715), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some(trust) = &scenario.target.environment.trust else { return };
    let mut seen = BTreeMap::new();
    for key in &trust.keys {
        if let Some(before) = seen.insert(key.value.as_str(), key.span) {
            found.push(
                Diagnostic::error(RULE.code, key.span, format!("the key `{}` is named twice", key.value))
                    .because(before, "it was named before")
                    .help("remove one"),
            );
        }
    }
    let keys = seen.len();
    let threshold = usize::from(trust.threshold.value);
    if threshold == 0 || threshold > keys {
        let label = if threshold == 0 { "unsigned documents would be accepted" } else { "no document could ever be accepted" };
        found.push(
            Diagnostic::error(RULE.code, trust.threshold.span, format!("{threshold} of {keys} keys cannot be asked for"))
                .label(label)
                .help("name a threshold from 1 to the number of keys"),
        );
    }
}

//! The third stage: the rules. Each stands in a file of its own under `rules/`, beside the page that explains and tests it.
//! Not here: what names stand for (`resolve`), and faults of rendered objects (`render`).

mod conditions;
mod environment_variables;
mod exceptions;
mod mentions;
pub mod pages;
mod tool_names;
mod tool_policy;

use kars_scenario::diagnostic::{Code, Found};
use rayon::prelude::*;

use crate::resolve::Resolved;

include!(concat!(env!("OUT_DIR"), "/rules.rs"));

pub(crate) use k0729_delivery_identity::identities as delivery_identities;

/// The code of arguments that a tool does not have.
pub(crate) const UNKNOWN_ARGUMENT: Code = k0613_unknown_argument::RULE.code;

/// The code of images that the lock does not pin.
const UNPINNED: Code = Code(701);

/// One rule. It looks at a whole scenario and notes every fault of its kind.
pub(crate) struct Rule {
    pub(crate) code: Code,
    pub(crate) check: fn(&Resolved<'_>, &mut Found),
}

/// Rules that judge what is written by itself. They hold where other values could not be read, and what they find is no
/// consequence of that; none of them may be excepted.
const APART: [u16; 28] = [
    203, 209, 210, 213, 301, 302, 303, 304, 306, 308, 309, 311, 312, 517, 518, 604, 615, 616, 621, 622, 623, 629, 630,
    631, 641, 646, 702, 720,
];

/// Runs the rules that hold even where some values could not be read, so that one run says as much as it can.
pub(crate) fn apart(scenario: &Resolved<'_>, found: &mut Found) {
    for rule in RULES.iter().filter(|rule| APART.contains(&rule.code.0)) {
        (rule.check)(scenario, found);
    }
}

/// A scenario that broke no rule. Only [`check`] makes one, and `lower` accepts nothing else.
#[derive(Debug)]
pub struct Checked<'a>(Resolved<'a>);

impl<'a> Checked<'a> {
    /// The scenario.
    pub fn resolved(&self) -> &Resolved<'a> {
        &self.0
    }
}

/// Runs every rule and applies the scenario's exceptions.
pub fn check<'a>(scenario: Resolved<'a>, found: &mut Found) -> Option<Checked<'a>> {
    let noticed: Vec<Found> = RULES
        .par_iter()
        .map(|rule| {
            let mut found = Found::default();
            (rule.check)(&scenario, &mut found);
            debug_assert!(
                found.diagnostics().iter().all(|diagnostic| diagnostic.code == rule.code),
                "{} notes its own code",
                rule.code
            );
            found
        })
        .collect();
    let mut broken = Found::default();
    for noticed in noticed {
        broken.extend(noticed);
    }
    exceptions::apply(&scenario, &mut broken);
    found.extend(broken);
    (!found.has_errors()).then_some(Checked(scenario))
}

/// Whether a fault lies in what surrounds a scenario, such as its lock, and not in what it says.
pub fn is_environmental(code: Code) -> bool {
    [kars_scenario::codes::UNREADABLE_FILE, UNPINNED].contains(&code)
}

//! Exceptions: findings that somebody answers for. An exception that silences nothing, or no longer, is itself a fault.
//! Not here: which findings may be excepted (their pages say so).

use std::cell::Cell;

use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::scenario::Exception;
use kars_scenario::span::Spanned;

use super::pages;
use crate::resolve::Resolved;

const UNKNOWN: Code = Code(420);
const EXPIRED: Code = Code(421);
const UNUSED: Code = Code(422);
const ENDS_SOON: Code = Code(423);

/// Removes the findings that are excepted, and notes what is wrong with the exceptions.
pub(super) fn apply(scenario: &Resolved<'_>, found: &mut Found) {
    let mut faults = Found::default();
    for exception in &scenario.scenario.exceptions {
        let Some(code) = waivable(exception, &mut faults) else { continue };
        if exception.until.value <= scenario.as_of {
            faults.push(
                Diagnostic::error(EXPIRED, exception.until.span, format!("the exception for {code} has ended"))
                    .help("remove what it excuses, or have its owner agree to a new date"),
            );
            continue;
        }
        let used = Cell::new(false);
        found.retain(|diagnostic| {
            let excepted = diagnostic.code == code && diagnostic.subject.as_deref() == Some(exception.at.as_str());
            used.set(used.get() || excepted);
            !excepted
        });
        if !used.get() && found.dropped() == 0 {
            faults.push(
                Diagnostic::error(
                    UNUSED,
                    exception.span,
                    format!("the exception for {code} at `{}` excuses nothing", exception.at.value),
                )
                .help("remove it"),
            );
        } else if used.get() && scenario.ends_soon(exception.until.value) {
            faults.push(
                Diagnostic::warning(
                    ENDS_SOON,
                    exception.until.span,
                    format!("the exception for {code} ends within 30 days"),
                )
                .help(format!("ask `{}` whether it is still needed", exception.owner.value)),
            );
        }
    }
    found.extend(faults);
}

/// The code of an exception, where its page says that it may be excepted.
fn waivable(exception: &Spanned<Exception>, faults: &mut Found) -> Option<Code> {
    let page = pages::by_code(&exception.rule);
    if let Some(page) = page.filter(|page| page.waivable) {
        return Some(page.code);
    }
    let waivable: Vec<_> = pages::all().filter(|page| page.waivable).map(|page| page.code.to_string()).collect();
    let message = match page {
        Some(page) => format!("{} cannot be excepted", page.code),
        None => format!("no finding has the code `{}`", exception.rule.value),
    };
    faults.push(
        Diagnostic::error(UNKNOWN, exception.rule.span, message)
            .help(format!("exceptions are for {}", waivable.join(", "))),
    );
    None
}

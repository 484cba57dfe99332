//! K0736: what the lock was written with is what the scenario is read with now. Not here: images (K0701).

use kars_scenario::diagnostic::{Code, Diagnostic, Found, Severity};
use kars_scenario::lock::Lock;
use kars_scenario::span::{FileId, Span};

use crate::check::Rule;
use crate::lock::{OWN, digest_lines, digest_of};
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(736), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    let Some((file, lock)) = scenario.target.lock else { return };
    if scenario.is_prod() {
        missing(scenario, *file, lock, found);
    }
    let stale = |what: &str, span, label: String| {
        let mut diagnostic = Diagnostic::error(RULE.code, span, format!("`karsc.lock` is stale: {what} since it was written"))
            .label(label)
            .help("look at what changed, run `karsc lock`, and commit `karsc.lock`");
        if !scenario.is_prod() {
            diagnostic.severity = Severity::Warning;
        }
        diagnostic
    };
    for (line, locked) in &lock.digests {
        let now = digest_of(line, scenario.sources);
        if now.is_some_and(|now| now.to_string() == locked.as_str()) {
            continue;
        }
        let what = if line == OWN { "`catalog/` has changed" } else { "karsc has changed" };
        found.push(stale(what, locked.span, format!("the digest of `{line}` is another one now")));
    }
    let engine = scenario.sources.evaluation.as_ref().map(|evaluation| evaluation.engine.as_str());
    if let Some(locked) = &lock.kcl
        && let Some(engine) = engine
        && locked.value != engine
    {
        found.push(stale("the KCL engine has changed", locked.span, format!("the engine is `{engine}` now")));
    }
}

/// The lines that `karsc lock` would write and that are not there. A warning: what they stand for is read as it is now.
fn missing(scenario: &Resolved<'_>, file: FileId, lock: &Lock, found: &mut Found) {
    let lines = digest_lines(scenario.sources).filter(|line| !lock.digests.contains_key(*line)).map(|line| format!("`digests.{line}`"));
    let kcl = scenario.sources.evaluation.is_some() && lock.kcl.is_none();
    let lines: Vec<String> = lines.chain(kcl.then(|| "`kcl`".to_owned())).collect();
    if !lines.is_empty() {
        let span = Span { file, start: 0, end: 0 };
        found.push(
            Diagnostic::warning(RULE.code, span, "`karsc.lock` does not pin all that the scenario is read with")
                .label(format!("without {}", lines.join(", ")))
                .help("run `karsc lock`, and commit `karsc.lock`"),
        );
    }
}

//! `karsc test`: the policy tests of a scenario, answered by the router's own matcher.

mod junit;

use kars_scenario::policy_test::Answer;
use karsc_core::answer::Explanation;
use karsc_core::policy_tests::{Expected, TestFile, TestResult, test};
use karsc_core::report::path_of;
use serde::Serialize;

use super::{json, seen};
use crate::args::{Test, TestFormat};
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

/// All results, for programs.
#[derive(Serialize)]
struct Report<'a> {
    passed: usize,
    failed: usize,
    files: &'a [TestFile],
}

pub(crate) fn run(arguments: &Test, printer: &Printer) -> Outcome {
    let inputs = Inputs::of(&arguments.source)?;
    let inspection = test(&inputs.input, inputs.as_of, inputs.files.as_ref());
    let Some(files) = seen(inspection, &inputs, printer)? else { return Ok(Exit::Input) };
    let results = || files.iter().flat_map(|file| &file.results);
    let failures: String = results().filter(|result| !result.passed).map(|it| failure(it, &inputs.folder)).collect();
    let passed = results().filter(|result| result.passed).count();
    let failed = results().count() - passed;
    let summary = format!("{passed} passed, {failed} failed");
    if results().next().is_none() {
        printer.note("there are no policy tests; write `expectations` in a file such as `tests/policy.yaml`")?;
    }
    match arguments.output {
        TestFormat::Text => printer.data(format!("{failures}{summary}\n").as_bytes())?,
        TestFormat::Json => machine(&json(&Report { passed, failed, files: &files }), &failures, &summary, printer)?,
        TestFormat::Junit => machine(&junit::xml(&files, &inputs.folder), &failures, &summary, printer)?,
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Negative })
}

/// Data for a program; people who watch it in CI still see what fails.
fn machine(data: &str, failures: &str, summary: &str, printer: &Printer) -> Result<(), Failure> {
    printer.data(data.as_bytes())?;
    printer.note(&format!("{failures}{summary}"))
}

/// One expectation that does not hold: where it is written, what was asked, and what differs.
fn failure(result: &TestResult, folder: &str) -> String {
    format!("{}: {}: {}\n", path_of(folder, &result.at), result.decided.question(), difference(result, folder))
}

/// What was expected and what was decided, by which rule, written where.
fn difference(
    TestResult { expected: Expected { answer, rule: wanted }, decided, .. }: &TestResult,
    folder: &str,
) -> String {
    let Explanation { allowed, reason, because, rule, origin, .. } = decided;
    let word = |allowed: bool| if allowed { "allow" } else { "deny" };
    let wanted = wanted.as_ref().map(|rule| format!(" by `{rule}`")).unwrap_or_default();
    let rule = rule.as_ref().map_or_else(|| " by no rule".to_owned(), |rule| format!(" by `{rule}`"));
    let origin = origin.as_ref().map(|origin| format!(" at {}", path_of(folder, origin.as_str()))).unwrap_or_default();
    let (expected, decided) = (word(*answer == Answer::Allow), word(*allowed));
    format!("expected {expected}{wanted}, decided {decided}{rule}{origin}: {}: {because}", reason.as_str())
}

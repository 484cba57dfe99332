//! Policy tests: every expectation of `tests/`, put to the routers of the scenario. Not here: how results are printed.

use kars_contract::RuleId;
use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;
use kars_scenario::policy_test::{Answer, PolicyExpectation, PolicyTests};
use kars_scenario::span::Spanned;
use serde::Serialize;

use crate::answer::{Explanation, Routers, names};
use crate::check::check;
use crate::inspect::Inspection;
use crate::lower::lower;
use crate::parse::{Input, is_yaml, parse, policy_tests};
use crate::resolve::{Resolved, resolve};
use crate::sources::{Files, Sources};

/// The folder that holds them, beside the scenario.
pub(crate) const FOLDER: &str = "tests";

/// What came of the tests of one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestFile {
    /// Its path from the scenario's folder.
    pub path: String,
    pub results: Vec<TestResult>,
}

/// What came of one expectation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Where it is written: `tests/policy.yaml:4:5`.
    pub at: String,
    pub passed: bool,
    pub expected: Expected,
    /// What the router answers.
    pub decided: Explanation,
}

/// What was expected.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    pub answer: Answer,
    /// The rule that should have decided, where the test names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
}

impl Expected {
    fn is_met_by(&self, decided: &Explanation) -> bool {
        let rule = self.rule.as_ref().is_none_or(|rule| decided.rule.as_ref() == Some(rule));
        rule && decided.allowed == (self.answer == Answer::Allow)
    }
}

/// The tests of a scenario as they were read, and what was noticed on the way. A fault in a test is none of the scenario's.
pub(crate) struct Read {
    files: Vec<(String, PolicyTests)>,
    pub(crate) found: Found,
}

impl Read {
    /// Reads every YAML file of the folder.
    pub(crate) fn of(files: &dyn Files, sources: &mut Sources) -> Self {
        let mut found = Found::default();
        let paths = files.list(FOLDER).into_iter().filter(|path| is_yaml(path));
        let read = paths.filter_map(|path| policy_tests(&path, files, sources, &mut found).map(|tests| (path, tests)));
        let files = read.collect();
        Self { files, found }
    }

    /// Notes every name that stands for nothing.
    pub(crate) fn check_names(&mut self, scenario: &Resolved<'_>) {
        for PolicyExpectation { agent, question, .. } in
            self.files.iter().flat_map(|(_, tests)| &tests.expectations).map(|expectation| &expectation.value)
        {
            names::check(scenario, agent, question, &mut self.found);
        }
    }
}

/// Runs every test. Nothing is seen where the scenario breaks a rule or a test cannot be read.
pub fn test(input: &Input, as_of: Instant, files: &dyn Files) -> Inspection<Vec<TestFile>> {
    let (mut found, mut sources) = (Found::default(), Sources::default());
    let parsed = parse(input, files, &mut sources, &mut found).filter(|_| !found.lost());
    let mut read = Read::of(files, &mut sources);
    let seen = parsed.and_then(|parsed| {
        let resolved = resolve(&parsed, &sources, as_of, &mut found);
        if found.lost() {
            return None;
        }
        read.check_names(&resolved);
        let checked = check(resolved, &mut found)?;
        let plan = lower(&checked);
        let mut routers = Routers::of(&plan);
        let run = |(path, tests): &(String, PolicyTests)| TestFile {
            path: path.clone(),
            results: tests.expectations.iter().map(|test| result(test, &mut routers, &sources)).collect(),
        };
        (!read.found.has_errors()).then(|| read.files.iter().map(run).collect())
    });
    found.extend(read.found);
    found.sort();
    Inspection { found, sources, seen }
}

fn result(test: &Spanned<PolicyExpectation>, routers: &mut Routers<'_>, sources: &Sources) -> TestResult {
    let PolicyExpectation { agent, question, expect, rule } = &test.value;
    let decided = routers.ask(&agent.value, question);
    let expected = Expected { answer: expect.value, rule: rule.as_ref().map(|rule| rule.value.clone()) };
    TestResult { at: sources.origin(test.span), passed: expected.is_met_by(&decided), expected, decided }
}

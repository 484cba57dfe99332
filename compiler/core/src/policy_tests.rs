//! Policy tests: every expectation of `tests/`, put to the routers of the scenario. Not here: how results are printed.

use kars_contract::RuleId;
use kars_contract::instant::Instant;
use kars_scenario::diagnostic::Found;
use kars_scenario::policy_test::{Answer, PolicyExpectation, PolicyTests};
use kars_scenario::span::Spanned;
use serde::Serialize;

use crate::answer::{Explanation, Routers, names};
use crate::inspect::{Inspection, inspect_beside};
use crate::lower::lower;
use crate::parse::{Input, is_yaml, policy_tests};
use crate::resolve::Resolved;
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

/// The tests of a scenario as they were read, by the paths of their files.
pub(crate) struct Read(Vec<(String, PolicyTests)>);

impl Read {
    /// Reads every YAML file of the folder.
    pub(crate) fn of(files: &dyn Files, sources: &mut Sources, found: &mut Found) -> Self {
        let paths = files.list(FOLDER).into_iter().filter(|path| is_yaml(path));
        Self(paths.filter_map(|path| Some((path.clone(), policy_tests(&path, files, sources, found)?))).collect())
    }

    /// Notes every name that stands for nothing.
    pub(crate) fn check_names(&self, scenario: &Resolved<'_>, found: &mut Found) {
        for test in self.0.iter().flat_map(|(_, tests)| &tests.expectations) {
            names::check(scenario, &test.value.agent, &test.value.question, found);
        }
    }
}

/// Runs every test. Nothing is seen where the scenario breaks a rule or a test cannot be read.
pub fn test(input: &Input, as_of: Instant, files: &dyn Files) -> Inspection<Vec<TestFile>> {
    inspect_beside(
        (input, as_of, files),
        |_, sources, found| Some(Read::of(files, sources, found)),
        |resolved, read, found| read.check_names(resolved, found),
        |checked, Read(read)| {
            let plan = lower(checked);
            let mut routers = Routers::of(&plan);
            let sources = checked.resolved().sources;
            let run = |(path, tests): &(String, PolicyTests)| TestFile {
                path: path.clone(),
                results: tests.expectations.iter().map(|test| result(test, &mut routers, sources)).collect(),
            };
            read.iter().map(run).collect()
        },
    )
}

fn result(test: &Spanned<PolicyExpectation>, routers: &mut Routers<'_>, sources: &Sources) -> TestResult {
    let PolicyExpectation { agent, question, expect, rule } = &test.value;
    let decided = routers.ask(&agent.value, question);
    let expected = Expected { answer: expect.value, rule: rule.as_ref().map(|rule| rule.value.clone()) };
    TestResult { at: sources.origin(test.span), passed: expected.is_met_by(&decided), expected, decided }
}

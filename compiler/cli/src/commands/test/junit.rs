//! Results of policy tests as XML that CI systems read, one suite for each file. No times: the same tests give the same bytes.

use karsc_core::policy_tests::{TestFile, TestResult};
use karsc_core::report::path_of;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{difference, failure};

pub(super) fn xml(files: &[TestFile], folder: &str) -> String {
    let mut report = Report::new("karsc test");
    for file in files {
        let mut suite = TestSuite::new(path_of(folder, &file.path));
        suite.add_test_cases(file.results.iter().map(|result| case(result, file, folder)));
        report.add_test_suite(suite);
    }
    report.to_string().expect("a report in memory can be written")
}

fn case(result: &TestResult, file: &TestFile, folder: &str) -> TestCase {
    let status = if result.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("policy").set_message(difference(result, folder)).set_description(failure(result, folder));
        status
    };
    let mut case = TestCase::new(result.decided.question(), status);
    case.set_classname(path_of(folder, &file.path));
    let line = result.at.rsplit(':').nth(1).unwrap_or_default();
    case.extra.insert("file".into(), path_of(folder, &file.path).into());
    case.extra.insert("line".into(), line.into());
    case
}

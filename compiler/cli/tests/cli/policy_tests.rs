//! `karsc test`: what holds, what does not, what cannot be read, and where. Not here: the matcher.

use std::fs;

use serde_json::Value;

use crate::support::{Place, Run};
use crate::why::brief;

/// The example with these expectations and no others.
fn with_tests(tests: &str) -> Place {
    let place = brief();
    place.write("brief/tests/policy.yaml", format!("expectations:\n{tests}"));
    place
}

fn check(place: &Place) -> Run {
    place.run("test brief")
}

#[test]
fn the_tests_of_a_new_scenario_and_of_the_example_hold() {
    let place = brief();
    let run = check(&place).expect(0);
    assert!(run.out.ends_with(" passed, 0 failed\n") && run.out.lines().count() == 1, "{}", run.out);
    assert_eq!(run.err, "");
    assert_eq!(place.run("test brief -e aks").expect(0).out, run.out);
    place.run("init demo").expect(0);
    assert_eq!(place.run("test demo").expect(0).out, "5 passed, 0 failed\n");
}

#[test]
fn what_does_not_hold_is_named_with_the_line_that_decided() {
    let place = with_tests(
        "  - { agent: analyst, egress: \"api.github.com:443\", expect: allow }
  - { agent: analyst, egress: \"api.github.com:443\", expect: deny }
  - { agent: lead, egress: \"api.github.com:443\", expect: allow }
  - agent: writer
    tool: hermes.file.write_file
    args: { path: /sandbox/incoming/brief.md }
    expect: allow
    rule: \"rules.house[1]\"
  - { agent: lead, mcp: deepwiki/ask_question, args: { question: why }, expect: allow, rule: \"agents.lead.mcp[deepwiki]\" }
",
    );
    let out = check(&place).expect(1).out;
    let scenario = place.read("brief/scenario.yaml");
    let line = |text: &str| scenario.lines().position(|line| line.contains(text)).expect("it is written") + 1;
    let (github, write) = (line("host: api.github.com"), line("allow: hermes.file.write_file"));
    let expected = format!(
        "brief/tests/policy.yaml:3:5: analyst egress api.github.com:443: expected deny, decided allow by \
         `agents.analyst.egress[api.github.com:443]` at brief/scenario.yaml:{github}:17: listed: it is listed
brief/tests/policy.yaml:4:5: lead egress api.github.com:443: expected allow, decided deny by no rule: host-not-listed: no egress rule names the host
brief/tests/policy.yaml:5:5: writer tool hermes.file.write_file path=/sandbox/incoming/brief.md: expected allow by `rules.house[1]`, \
         decided allow by `rules.house[0]` at brief/scenario.yaml:{write}:7: allow-rule: the tool is granted, and a rule allows this call
2 passed, 3 failed\n"
    );
    assert_eq!(out, expected);
}

#[test]
fn programs_read_the_results() {
    let place = with_tests(
        "  - { agent: lead, mesh: writer, expect: allow }
  - { agent: writer, tool: hermes.file.write_file, args: { path: \"/a & <b> \\\"c\\\"\" }, expect: allow }
",
    );
    let run = place.run("test brief -o json").expect(1);
    let report: Value = serde_json::from_str(&run.out).expect("it is JSON");
    assert_eq!((&report["passed"], &report["failed"]), (&Value::from(1), &Value::from(1)));
    let result = &report["files"][0]["results"][1];
    assert_eq!(result["at"], "tests/policy.yaml:3:5");
    assert_eq!(result["expected"]["answer"], "allow");
    assert_eq!(result["decided"]["reason"], "no-allow-rule");
    assert!(run.err.contains("1 passed, 1 failed") && run.err.contains("policy.yaml:3:5: "), "{}", run.err);

    let run = place.run("test brief -o junit").expect(1);
    assert_eq!(place.run("test brief -o junit").expect(1).out, run.out);
    let report = quick_junit::Report::deserialize_from_str(&run.out).expect("it is JUnit XML");
    assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
    let suite = &report.test_suites[0];
    assert_eq!(suite.name.as_str(), "brief/tests/policy.yaml");
    let case = &suite.test_cases[1];
    assert_eq!(case.name.as_str(), "writer tool hermes.file.write_file path=/a & <b> \"c\"");
    assert_eq!(case.extra.get("line").map(quick_junit::XmlString::as_str), Some("3"));
    assert!(run.err.contains("1 passed, 1 failed"), "{}", run.err);
}

#[test]
fn without_tests_nothing_fails_and_it_is_said() {
    let place = brief();
    for empty in ["rm -r brief/tests", "mkdir brief/tests", "echo 'expectations: []' > brief/tests/none.yaml"] {
        place.shell(empty).expect(0);
        let run = check(&place).expect(0);
        assert_eq!(run.out, "0 passed, 0 failed\n");
        assert!(run.err.contains("there are no policy tests"), "{}", run.err);
    }
    let report = place.run("test brief -o junit").expect(0).out;
    assert_eq!(quick_junit::Report::deserialize_from_str(&report).expect("it is JUnit XML").tests, 0);
    // What is no YAML is none of ours; every YAML file is, however deep.
    place.write("brief/tests/README.md", "expectations: [");
    place.write("brief/tests/deep/one.yml", "expectations: [{ agent: lead, mesh: writer, expect: allow }]\n");
    assert_eq!(check(&place).expect(0).out, "1 passed, 0 failed\n");
}

#[test]
fn what_cannot_be_read_is_refused_by_test_and_check_and_builds_all_the_same() {
    for (test, code, place_of, says) in [
        ("{ agent: analist, mesh: lead, expect: deny }", "K0201", "2:14", "did you mean `analyst`?"),
        ("{ agent: lead, mcp: depwiki/ask, expect: deny }", "K0201", "2:25", "did you mean `deepwiki`?"),
        ("{ agent: lead, mesh: wirter, expect: deny }", "K0201", "2:26", "did you mean `writer`?"),
        ("{ agent: lead, model: mian, expect: deny }", "K0201", "2:27", "did you mean `main`?"),
        ("{ agent: lead, tool: hermes.file.file_write, expect: deny }", "K0601", "2:26", "hermes.file.write_file"),
        ("{ agent: lead, tool: hermes.file.write_file, args: { pth: / }, expect: deny }", "K0613", "2:26", "`path`"),
        ("{ agent: lead, mesh: writer, expcet: deny, expect: deny }", "K0106", "2:34", "did you mean `expect`?"),
        ("{ agent: lead, mesh: writer, expect: denied }", "K0109", "2:42", "use one of"),
        ("{ agent: lead, mesh: writer, egress: \"a.example:443\", expect: deny }", "K0107", "2:5", "write one of"),
        ("{ agent: lead, mesh: writer, args: {}, expect: deny }", "K0106", "2:5", "remove `args`"),
        ("{ agent: lead, egress: a.example, expect: deny }", "K0111", "2:28", "host:port"),
        ("{ agent: lead, mesh: writer }", "K0107", "2:5", "add `expect`"),
    ] {
        let place = with_tests(&format!("  - {test}\n"));
        for line in ["test brief", "check brief"] {
            let run = place.run(line).expect(2);
            assert_eq!(run.out, "", "{line}");
            for part in [format!("[{code}]"), format!("brief/tests/policy.yaml:{place_of}\n"), says.to_owned()] {
                assert!(run.err.contains(&part), "{line}: {test}: {part}\n{}", run.err);
            }
        }
        place.run("build brief -o out").expect(0);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let place = with_tests("  - { agent: analist, mesh: lead, expect: deny }\n");
    place.write("brief/tests/more.yaml", "expectation: []\n");
    place.write("brief/tests/worse.yaml", "expectations: [\n");
    let scenario = place.read("brief/scenario.yaml");
    place.write("brief/scenario.yaml", scenario.replace("to: lead, file: prompt.md", "to: laed, file: prompt.md"));
    let err = check(&place).expect(2).err;
    for path in ["scenario.yaml", "tests/more.yaml", "tests/worse.yaml"] {
        assert!(err.contains(&format!("brief/{path}:")), "{path}\n{err}");
    }
    place.write("brief/scenario.yaml", scenario);
    let err = check(&place).expect(2).err;
    for path in ["tests/policy.yaml", "tests/more.yaml", "tests/worse.yaml"] {
        assert!(err.contains(&format!("brief/{path}:")), "{path}\n{err}");
    }
    assert_eq!(check(&Place::new()).code, 3);
}

#[test]
fn tests_are_no_part_of_a_bundle() {
    let place = brief();
    place.run("build brief -o out").expect(0);
    fs::remove_dir_all(place.path("brief/tests")).unwrap();
    place.run("build brief -o out --check").expect(0);
}
